variable "project_id" {
  description = "The project that everything is deployed into, and whose logs are read."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be the id of a project, such as my-project-123: not its name, not its number, and none of a domain (example.com:project), which the names of buckets cannot hold."
  }
}

variable "region" {
  description = "Where functions run and data lie, such as europe-west1. All in one: a remote function must be where its dataset is."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west1: not a zone, and not a multi-region."
  }
}

variable "name" {
  description = "What the names of all resources begin with."
  type        = string
  default     = "policy-audit"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,17}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 19 lower-case letters, digits and hyphens, and begin with a letter: service accounts have at most 30, and it is a part of theirs."
  }
}

variable "clusters" {
  description = "The clusters whose policies are collected: projects/PROJECT/locations/LOCATION/clusters/NAME. Entries of others are kept, and undecidable."
  type        = list(string)

  validation {
    condition     = alltrue([for cluster in var.clusters : can(regex("^projects/[a-z][a-z0-9.:-]*/locations/[a-z0-9-]+/clusters/[a-z0-9-]+$", cluster))])
    error_message = "clusters must be names (with the project's id, not its number) such as projects/my-project/locations/europe-west1/clusters/prod, as `gcloud container clusters list --format 'value(selfLink.scope(\"v1\").sub(\"/zones/\", \"/locations/\"))'` prints them."
  }
  validation {
    condition     = length(var.clusters) == length(distinct(var.clusters))
    error_message = "clusters names a cluster twice."
  }
}

variable "collection" {
  description = "How clusters are collected: a cron schedule (in UTC), and also whenever the audit log says that a policy was changed."
  type = object({
    schedule          = optional(string, "*/5 * * * *")
    on_policy_changes = optional(bool, true)
  })
  default = {}

  validation {
    condition     = length(split(" ", var.collection.schedule)) == 5
    error_message = "collection.schedule must be a cron expression of five fields, such as */5 * * * *."
  }
  validation {
    # As far as the field of minutes tells.
    condition     = !can(regex("^(\\*/)?[0-9]+$", split(" ", var.collection.schedule)[0])) || try(tonumber(trimprefix(regex("^\\*/[0-9]+", var.collection.schedule), "*/")) <= 15, false)
    error_message = "collection.schedule must collect at least every 15 minutes, such as */15 * * * *: a cluster that was not seen for longer makes its entries undecidable, and an alert."
  }
}

variable "entries" {
  description = "Which entries are judged, and what is kept of them: a filter in Cloud Logging's language beside that of the log, and how much of the traffic that is allowed as before (`all`, `none`, or `1/N` for one in N, whose rows then stand for N)."
  type = object({
    filter         = optional(string, "")
    keep_confirmed = optional(string, "all")
    candidates     = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = can(regex("^(all|none|1/[1-9][0-9]{0,5})$", var.entries.keep_confirmed))
    error_message = "entries.keep_confirmed must be all, none, or 1/N such as 1/100."
  }
  validation {
    condition     = var.entries.keep_confirmed == "all" || !var.rejudge.enabled || (var.rejudge.log_analytics == null && var.rejudge.exported == null)
    error_message = "entries.keep_confirmed must be all beside rejudge.log_analytics or rejudge.exported: an entry that was not kept looks like one that was never streamed, would be judged from there, and be counted twice."
  }
  validation {
    condition     = length(setsubtract(var.entries.candidates, local.cilium)) == 0
    error_message = "entries.candidates: no such semantics: ${join(", ", setsubtract(var.entries.candidates, local.cilium))}. Choose among ${join(", ", local.cilium)}."
  }
}

variable "retention_days" {
  description = "For how long data is kept, in days. Snapshots are what rows are judged with again, and an unchanged state is written again weekly only."
  type = object({
    verdicts     = optional(number, 180)
    rejects      = optional(number, 60)
    dead_letters = optional(number, 60)
    snapshots    = optional(number, 200)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.retention_days) : days >= 1 && days == floor(days)])
    error_message = "retention_days are whole days, 1 or more."
  }
  validation {
    condition     = var.retention_days.snapshots >= var.retention_days.verdicts + 8
    error_message = "retention_days.snapshots must be at least 8 days more than retention_days.verdicts: the snapshot that an entry is judged with may be a week older than it."
  }
}

variable "scale" {
  description = "How many instances of a function there may be, and are kept warm. An instance of ingest has 500 entries under way, which is some thousand a second."
  type = object({
    ingest_min   = optional(number, 0)
    ingest_max   = optional(number, 10)
    snapshot_max = optional(number, 5)
    rejudge_max  = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.scale.ingest_min <= var.scale.ingest_max && alltrue([for count in [var.scale.ingest_max, var.scale.snapshot_max, var.scale.rejudge_max] : count >= 1])
    error_message = "scale: each maximum must be at least 1, and ingest_min at most ingest_max."
  }
}

variable "rejudge" {
  description = <<-EOT
    Whether history is judged again in BigQuery: by the remote function, its connection, and the scheduled queries that call it. Each of these
    is a query more: `history`, the days (from the first, to the one after the last) that a new version of the engine judges again;
    `log_analytics`, a linked dataset's view PROJECT.DATASET._AllLogs, and `exported`, a table PROJECT.DATASET.TABLE of a log sink, whose
    entries were never streamed.
  EOT
  type = object({
    enabled       = optional(bool, true)
    history       = optional(object({ since = string, until = string }))
    log_analytics = optional(string)
    exported      = optional(string)
  })
  default = {}

  validation {
    condition     = var.rejudge.history == null || can(timecmp("${var.rejudge.history.since}T00:00:00Z", "${var.rejudge.history.until}T00:00:00Z"))
    error_message = "rejudge.history: since and until must be dates that there are, such as 2026-03-01."
  }
  validation {
    condition     = try(timecmp("${var.rejudge.history.since}T00:00:00Z", "${var.rejudge.history.until}T00:00:00Z") < 0, true)
    error_message = "rejudge.history: since must be before until, which is the day after the last."
  }
  validation {
    condition     = alltrue([for name in compact([var.rejudge.log_analytics, var.rejudge.exported]) : can(regex("^[a-z0-9.:-]+\\.[A-Za-z0-9_]+\\.[A-Za-z0-9_]+$", name))])
    error_message = "rejudge.log_analytics and rejudge.exported must be PROJECT.DATASET.TABLE, such as my-project.my_logs._AllLogs."
  }
}

variable "alerts" {
  description = <<-EOT
    Where problems are told of: `to` is `slack-webhook`, `slack-bot` (which answers in threads, and needs `slack_channel`, the channel's id),
    `webhook` (any other: a POST of JSON), or `log` (lines of the function alone, which `monitoring` can tell channels of); null: nowhere, and
    no function looks. All but `log` need a secret, which is made first; once it has a value, added by hand and never known here,
    `secret_version` is that version's number, and the function runs. `silencers` may make silences, such as group:oncall@example.com.
    `every_minutes`: how often it looks, 1, 5 or 10; each look is a query, so that 5 costs a fifth and tells some minutes later.
    `constructs_url` is where messages link to for a construct, without #: another copy of docs/constructs.md. `pace` is described in
    docs/deploy.md.
  EOT
  type = object({
    to             = optional(string)
    secret_version = optional(number)
    slack_channel  = optional(string)
    constructs_url = optional(string)
    silencers      = optional(list(string), [])
    every_minutes  = optional(number, 1)
    pace = optional(object({
      group_wait_seconds     = optional(number)
      group_interval_minutes = optional(number)
      repeat_hours           = optional(number)
      quiet_minutes          = optional(number)
      messages               = optional(number)
    }), {})
  })
  default = {}

  validation {
    condition     = var.alerts.to == null || try(contains(["log", "slack-bot", "slack-webhook", "webhook"], var.alerts.to), false)
    error_message = "alerts.to must be slack-webhook, slack-bot, webhook or log; without it nothing is told."
  }
  validation {
    condition     = var.alerts.secret_version == null || (var.alerts.to != null && var.alerts.to != "log")
    error_message = "alerts.secret_version is set, and alerts.to names nothing that has a secret: the secret would be removed."
  }
  validation {
    condition     = try(var.alerts.secret_version >= 1 && var.alerts.secret_version == floor(var.alerts.secret_version), var.alerts.secret_version == null)
    error_message = "alerts.secret_version must be a number such as 1, as `gcloud secrets versions add` prints it (Created version [1]): not latest, so that a new value is a change that is seen."
  }
  validation {
    condition     = (var.alerts.slack_channel != null) == (var.alerts.to == "slack-bot")
    error_message = "alerts.slack_channel and alerts.to = \"slack-bot\" need each other: a webhook has its channel in itself."
  }
  validation {
    condition     = var.alerts.slack_channel == null || can(regex("^[CGD][A-Z0-9]{5,30}$", var.alerts.slack_channel))
    error_message = "alerts.slack_channel must be the id of a channel, such as C0123456789, as Slack shows it at the end of a channel's details: not its name, which may change."
  }
  validation {
    condition     = var.alerts.constructs_url == null || can(regex("^https://[^\\s#?<>|]+$", var.alerts.constructs_url))
    error_message = "alerts.constructs_url must be the address of a page, such as https://example.com/constructs.md, without # and ?."
  }
  validation {
    condition     = alltrue([for member in var.alerts.silencers : can(regex("^(user|group|serviceAccount):[^\\s@]+@[^\\s@]+$|^(principal|principalSet)://\\S+$|^domain:[^\\s@]+$", member))]) && length(var.alerts.silencers) == length(distinct(var.alerts.silencers))
    error_message = "alerts.silencers must be members such as user:anna@example.com or group:oncall@example.com, each once."
  }
  validation {
    condition     = contains([1, 5, 10], var.alerts.every_minutes)
    error_message = "alerts.every_minutes must be 1, 5 or 10: after 15 minutes without a run, Cloud Monitoring tells that nobody is told."
  }
  validation {
    condition     = alltrue([for name, value in var.alerts.pace : value == null ? true : value == floor(value) && value >= local.alert_bounds[name][0] && value <= local.alert_bounds[name][1]])
    error_message = "alerts.pace is of whole numbers: ${join(", ", [for name, bounds in local.alert_bounds : "${name} from ${bounds[0]} to ${bounds[1]}"])}."
  }
}

variable "monitoring" {
  description = "Alert policies and the dashboard of Cloud Monitoring, and the notification channels (projects/P/notificationChannels/N) that are told. `problems`: whether they are also told of each problem that the alert function tells of for the first time; null: where alerts go to the log alone."
  type = object({
    alerts    = optional(bool, true)
    dashboard = optional(bool, true)
    problems  = optional(bool)
    channels  = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for channel in var.monitoring.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "monitoring.channels must be names such as projects/my-project/notificationChannels/1234567890, as `gcloud beta monitoring channels list` prints them."
  }
  validation {
    condition     = var.monitoring.problems != true || (var.monitoring.alerts && var.alerts.to != null)
    error_message = "monitoring.problems needs monitoring.alerts, and alerts.to: without the function there are no lines to tell of."
  }
}

variable "kms_key" {
  description = "The Cloud KMS key that data at rest is encrypted with: projects/P/locations/L/keyRings/R/cryptoKeys/K, in the same region; null: Google's own."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY, without a version."
  }
}

variable "labels" {
  description = "Labels of every resource that can have them."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Whether tables, the dataset, the snapshots and the secret of alerts are kept from being destroyed. Set it to false and apply before you destroy everything; to keep the data, leave it (docs/deploy.md)."
  type        = bool
  default     = true
}
