variable "organization" {
  type = string
}

variable "project" {
  type = string
}

variable "environment" {
  type = string
}

locals {
  name = join("-", [var.organization, var.project, var.environment])
  # One of 4,096 blocks, always the same for an environment.
  block = parseint(substr(sha256(local.name), 0, 3), 16)
  cidr  = cidrsubnet("10.0.0.0/8", 12, local.block)
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/network.json"
  content = "${jsonencode({ name = local.name, cidr = local.cidr, driver = "bridge" })}\n"
}

output "name" {
  value      = local.name
  depends_on = [module.file]
}

output "cidr" {
  value      = local.cidr
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Name = local.name, Cidr = local.cidr, File = module.file.path }
}
