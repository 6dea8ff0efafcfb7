# Writes one file below the folder that the environment variable SAMPLE_OUTPUT names.
#
# Path and content reach the shell through its environment, never through its text: whatever a developer writes into a
# manifest stays data. The file appears in one step, so that nobody reads half of it.

variable "path" {
  type        = string
  description = "Where to write, relative to SAMPLE_OUTPUT."

  validation {
    condition     = !startswith(var.path, "/") && !contains(split("/", var.path), "..")
    error_message = "The path has to stay below SAMPLE_OUTPUT."
  }
}

variable "content" {
  type        = string
  description = "What to write."

  validation {
    condition     = length(var.content) < 100000
    error_message = "The content is handed over as an environment variable, which holds 100,000 characters at most."
  }
}

variable "mode" {
  type        = string
  default     = "0644"
  description = "Permissions of the file; use 0600 for secrets."
}

resource "terraform_data" "file" {
  triggers_replace = {
    path    = var.path
    mode    = var.mode
    content = sha256(var.content)
  }

  provisioner "local-exec" {
    environment = {
      FILE_PATH    = var.path
      FILE_CONTENT = var.content
      FILE_MODE    = var.mode
    }
    command = <<-EOT
      set -eu
      target="$${SAMPLE_OUTPUT:?set it in the env of the runner}/$FILE_PATH"
      mkdir -p "$(dirname "$target")"
      umask 077
      printf '%s' "$FILE_CONTENT" > "$target.new"
      chmod "$FILE_MODE" "$target.new"
      mv "$target.new" "$target"
      echo "wrote $target"
    EOT
  }
}

output "path" {
  value       = var.path
  depends_on  = [terraform_data.file]
  description = "The path, once the file is there."
}
