variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "resource" {
  type = string
}

variable "size_gb" {
  type    = number
  default = 5
}

locals {
  name = "${var.project}-${var.environment}-${replace(trimprefix(var.resource, "workloads."), ".", "-")}"
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/volumes/${local.name}.json"
  content = "${jsonencode({ name = local.name, size_gb = var.size_gb })}\n"
}

output "source" {
  value      = local.name
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Name = local.name, File = module.file.path }
}
