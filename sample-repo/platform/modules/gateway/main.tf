variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "network" {
  type = string
}

variable "cidr" {
  type = string
}

locals {
  address = cidrhost(var.cidr, 10)
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/gateway.conf"
  content = <<-EOT
    # The way in to ${var.network}.
    listen ${local.address}:443 ssl;
    include routes/*.conf;
  EOT
}

output "address" {
  value      = local.address
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Address = local.address, File = module.file.path }
}
