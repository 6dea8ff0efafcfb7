variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "resource" {
  type = string
}

variable "network" {
  type = string
}

variable "partitions" {
  type = number
}

variable "retention_hours" {
  type    = number
  default = 24
}

locals {
  name = replace(trimprefix(trimprefix(var.resource, "workloads."), "shared."), ".", "-")
  url  = "amqp://queues.${var.network}.internal/${local.name}"
}

module "file" {
  source = "../common/file"
  path   = "${var.project}/${var.environment}/queues/${local.name}.json"
  content = "${jsonencode({
    name            = local.name
    url             = local.url
    partitions      = var.partitions
    retention_hours = var.retention_hours
  })}\n"
}

output "name" {
  value      = local.name
  depends_on = [module.file]
}

output "url" {
  value      = local.url
  depends_on = [module.file]
}

output "platform_orchestrator_metadata" {
  value = { Name = local.name, Partitions = tostring(var.partitions), File = module.file.path }
}
