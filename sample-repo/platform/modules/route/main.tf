variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "gateway" {
  type = string
}

variable "host" {
  type = string
}

variable "path" {
  type = string
}

variable "service" {
  type = string
}

variable "port" {
  type = number
}

locals {
  url = "https://${var.host}${var.path}"
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/routes/${var.service}.conf"
  content = <<-EOT
    server {
      listen ${var.gateway}:443 ssl;
      server_name ${var.host};
      location ${var.path} {
        proxy_pass http://${var.service}:${var.port};
      }
    }
  EOT
}

output "url" {
  value      = local.url
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Url = local.url, File = module.file.path }
}
