variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "address" {
  type = string
}

variable "name" {
  type = string
}

variable "zone" {
  type    = string
  default = null
}

locals {
  zone = coalesce(var.zone, "${var.environment}.${var.project}.acme.example")
  host = "${var.name}.${local.zone}"
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/dns/${local.host}.zone"
  content = <<-EOT
    $ORIGIN ${local.zone}.
    ${var.name} 300 IN A ${var.address}
  EOT
}

output "host" {
  value      = local.host
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Host = local.host, File = module.file.path }
}
