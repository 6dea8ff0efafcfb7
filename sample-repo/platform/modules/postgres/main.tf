variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "resource" {
  type        = string
  description = "The id of the resource, such as workloads.orders.db."
}

variable "host" {
  type = string
}

variable "port" {
  type = number
}

variable "extensions" {
  type = list(string)
}

variable "size_gb" {
  type    = number
  default = 10
}

locals {
  # workloads.orders.db becomes orders_db, shared.warehouse becomes warehouse.
  name = replace(trimprefix(trimprefix(var.resource, "workloads."), "shared."), "/[^a-z0-9]+/", "_")
}

# A password that nobody chose: drawn once, kept in the state. A company would leave that to its vault.
resource "terraform_data" "password" {
  input = sensitive(sha256("${uuid()}${local.name}"))

  lifecycle {
    ignore_changes = [input]
  }
}

module "file" {
  source = "../common/file"
  path   = "${var.project}/${var.environment}/postgres/${local.name}.sql"
  # The password comes in as a variable of psql, so that this file holds no secret.
  content = join("\n", concat(
    [
      "-- On ${var.host}:${var.port}",
      "CREATE ROLE ${local.name} LOGIN PASSWORD :'password';",
      "CREATE DATABASE ${local.name} OWNER ${local.name};",
      "COMMENT ON DATABASE ${local.name} IS 'at most ${var.size_gb} GB';",
      "\\connect ${local.name}",
    ],
    [for extension in var.extensions : "CREATE EXTENSION IF NOT EXISTS ${extension};"],
    [""],
  ))
}

output "host" {
  value = var.host
}

output "port" {
  value = var.port
}

output "name" {
  value      = local.name
  depends_on = [module.file]
}

output "username" {
  value = local.name
}

output "password" {
  # Marked twice: not every engine carries the mark of an output over to whoever uses the module.
  value     = sensitive(terraform_data.password.output)
  sensitive = true
}

output "platform_orchestrator_metadata" {
  value = { Database = local.name, Host = var.host, File = module.file.path }
}
