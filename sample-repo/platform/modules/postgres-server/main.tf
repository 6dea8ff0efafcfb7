variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "name" {
  type = string
}

variable "network" {
  type = string
}

variable "replicas" {
  type = number
}

variable "seconds" {
  type        = number
  description = "How long the server takes to start."
}

locals {
  host = "postgres-${var.name}.${var.network}.internal"
  port = 5432
}

# Stands for what takes its time in earnest. Each start is one line of the ledger, written before the wait: whoever wants
# to know how often something was really started, whatever the state says, counts there.
resource "terraform_data" "start" {
  triggers_replace = [local.host]

  provisioner "local-exec" {
    environment = {
      LINE             = "${var.project}/${var.environment} postgres-server ${var.name}"
      SECONDS_TO_START = var.seconds
    }
    command = <<-EOT
      set -eu
      ledger="$${SAMPLE_OUTPUT:?set it in the env of the runner}/ledger.txt"
      mkdir -p "$SAMPLE_OUTPUT"
      printf '%s\n' "$LINE" >> "$ledger"
      echo "starting $LINE"
      sleep "$SECONDS_TO_START"
      echo "started $LINE"
    EOT
  }
}

module "file" {
  source  = "../common/file"
  path    = "${var.project}/${var.environment}/postgres/${var.name}.conf"
  content = <<-EOT
    # ${local.host}
    listen_addresses = '*'
    port = ${local.port}
    max_wal_senders = ${var.replicas - 1}
    synchronous_commit = ${var.replicas > 1 ? "remote_apply" : "on"}
  EOT
}

output "host" {
  value      = local.host
  depends_on = [terraform_data.start, module.file]
}

output "port" {
  value = local.port
}

output "platform_orchestrator_metadata" {
  value = { Host = local.host, Replicas = tostring(var.replicas), File = module.file.path }
}
