# Writes what Compose needs to run one workload: a compose file that may be read by everybody, and beside it for each
# container its variables (which may be secrets) and the files that it mounts, both readable by their owner only.

variable "project" {
  type = string
}

variable "environment" {
  type = string
}

variable "network" {
  type = string
}

variable "metadata" {
  type = any
}

variable "containers" {
  type = any
}

variable "service" {
  type = any
}

locals {
  name   = var.metadata.name
  folder = "${var.project}/${var.environment}/workloads/${local.name}"
  ports  = [for port in values(try(var.service.ports, {})) : tostring(try(port.targetPort, port.port))]

  # One entry for each file that a container mounts; its name on disk is made from its place in the container.
  files = merge([
    for container, spec in var.containers : {
      for target in keys(try(spec.files, {})) :
      "${container}/${trim(replace(target, "/[^A-Za-z0-9._-]+/", "-"), "-")}" => { container = container, target = target }
    }
  ]...)

  probes = {
    for container, spec in var.containers : container => try(
      concat(["CMD"], spec.livenessProbe.exec.command),
      ["CMD", "wget", "-q", "-O", "/dev/null",
      "http://localhost:${spec.livenessProbe.httpGet.port}${spec.livenessProbe.httpGet.path}"],
      [],
    )
  }

  # Compose writes half a CPU as 0.5, and M where Score writes Mi.
  limits = {
    for container, spec in var.containers : container => merge(
      try({ memory = trimsuffix(spec.resources.limits.memory, "i") }, {}),
      try(
        { cpus = tostring(tonumber(regex("^(\\d+)m$", spec.resources.limits.cpu)[0]) / 1000) },
        { cpus = spec.resources.limits.cpu },
        {},
      ),
    )
  }

  services = {
    for container, spec in var.containers : "${local.name}-${container}" => {
      for key, value in {
        image       = spec.image
        entrypoint  = try(spec.command, [])
        command     = try(spec.args, [])
        env_file    = ["${container}.env"]
        expose      = local.ports
        networks    = { (var.network) = { aliases = [local.name] } }
        healthcheck = length(local.probes[container]) > 0 ? { test = local.probes[container] } : {}
        deploy      = length(local.limits[container]) > 0 ? { resources = { limits = local.limits[container] } } : {}
        volumes = concat(
          [for target, volume in try(spec.volumes, {}) : {
            type = "volume", source = volume.source, target = target, read_only = try(volume.readOnly, false)
          }],
          [for file, mount in local.files : {
            type = "bind", source = "./files/${file}", target = mount.target, read_only = true
          } if mount.container == container],
        )
      } : key => value if try(length(value) > 0, true)
    }
  }

  volumes = distinct(flatten([for spec in values(var.containers) : [for volume in values(try(spec.volumes, {})) : volume.source]]))

  compose = {
    name     = "${var.project}-${var.environment}-${local.name}"
    services = local.services
    networks = { (var.network) = { external = true } }
    volumes  = { for volume in local.volumes : volume => { external = true } }
  }
}

module "compose" {
  source = "../common/file"
  path   = "${local.folder}/compose.yaml"
  # Compose reads `$` as the start of a variable.
  content = replace(yamlencode(local.compose), "$", "$$")
}

module "variables" {
  source   = "../common/file"
  for_each = var.containers
  path     = "${local.folder}/${each.key}.env"
  content  = join("", [for name, value in try(each.value.variables, {}) : "${name}='${replace(value, "'", "\\'")}'\n"])
  mode     = "0600"
}

module "files" {
  source   = "../common/file"
  for_each = local.files
  path     = "${local.folder}/files/${each.key}"
  content  = try(var.containers[each.value.container].files[each.value.target].content, "")
  mode     = "0600"
}

output "name" {
  value      = local.name
  depends_on = [module.compose, module.variables, module.files]
}

output "compose_file" {
  value      = module.compose.path
  depends_on = [module.variables, module.files]
}

output "platform_orchestrator_metadata" {
  value = {
    Name   = local.name
    Images = join(", ", [for spec in values(var.containers) : spec.image])
    File   = module.compose.path
  }
}
