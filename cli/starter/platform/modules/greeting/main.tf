variable "greeting" {
  type = string
}

variable "name" {
  type = string
}

resource "terraform_data" "greeting" {
  input = "${var.greeting}, ${var.name}!"
}

output "text" {
  value = terraform_data.greeting.output
}
