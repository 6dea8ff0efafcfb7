variable "organization" {
  type = string
}

variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "resource" {
  type = string
}

variable "readers" {
  type = list(string)
}

locals {
  short = replace(trimprefix(trimprefix(var.resource, "workloads."), "shared."), ".", "-")
  name  = join("-", [var.organization, var.project, var.environment, local.short])
}

module "file" {
  source = "../common/file"
  path   = "${var.project}/${var.environment}/buckets/${local.short}.json"
  content = "${jsonencode({
    Bucket    = local.name
    Statement = [for reader in var.readers : { Effect = "Allow", Action = "s3:GetObject", Principal = reader }]
  })}\n"
}

output "name" {
  value      = local.name
  depends_on = [module.file]
}

output "endpoint" {
  value      = "https://${local.name}.objects.acme.example"
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Name = local.name, File = module.file.path }
}
