variable "project_id" {
  description = "Where its APIs are enabled: an input that is known then is what it waits for, instead of `depends_on`."
  type        = string
}

variable "region" {
  type = string
}

variable "name" {
  description = "Of the function, and of its service account."
  type        = string
}

variable "description" {
  type = string
}

variable "entry_point" {
  description = "The name under which the bundle exports the function."
  type        = string
}

variable "artefact" {
  description = "The folder that `npm run build:functions` made."
  type        = string
}

variable "code_bucket" {
  type = string
}

variable "build_account" {
  description = "Who builds the image, once it may: projects/P/serviceAccounts/EMAIL."
  type        = string
}

variable "memory" {
  type = string
}

variable "cpu" {
  description = "At least 1, or an instance takes one request at a time."
  type        = string
  default     = "1"
}

variable "concurrency" {
  description = "Requests at once in an instance."
  type        = number
}

variable "instances" {
  type = object({ min = number, max = number })
}

variable "timeout_seconds" {
  type = number
}

variable "ingress" {
  type    = string
  default = "ALLOW_INTERNAL_ONLY"
}

variable "environment" {
  type = map(string)
}

variable "secrets" {
  description = "Secrets of the same project that the function is told, by the variable of its environment."
  type        = map(object({ secret = string, version = string }))
  default     = {}
}

variable "invokers" {
  description = "Who may call it, by a word of ours: IAM members."
  type        = map(string)
}

variable "labels" {
  type = map(string)
}
