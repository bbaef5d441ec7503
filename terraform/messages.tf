# Log entries and requests for snapshots, from Cloud Logging and Cloud Scheduler through Pub/Sub to the functions.

resource "google_pubsub_topic" "entries" {
  project      = var.project_id
  name         = "${var.name}-entries"
  kms_key_name = var.kms_key
  labels       = local.labels
  depends_on   = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

resource "google_pubsub_topic" "dead_letters" {
  project      = var.project_id
  name         = "${var.name}-dead-letters"
  kms_key_name = var.kms_key
  labels       = local.labels
  depends_on   = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

resource "google_pubsub_topic" "snapshot_requests" {
  project      = var.project_id
  name         = "${var.name}-snapshot-requests"
  kms_key_name = var.kms_key
  labels       = local.labels
  depends_on   = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

# Of the logs of each project, what the sinks pass on. A sink has no backlog: what was written before it is there is read by
# `replay --from-logging`.

# The filter of a user's own stands on lines of its own: it may end in a comment.
resource "google_logging_project_sink" "entries" {
  for_each               = local.log_projects
  project                = each.key
  name                   = "${var.project_id}-${var.name}-entries"
  description            = "policy-action entries of Dataplane V2, to be judged."
  destination            = "pubsub.googleapis.com/${google_pubsub_topic.entries.id}"
  filter                 = join("\n", compact(["log_id(\"policy-action\")", var.entries.filter == "" ? "" : "(\n${var.entries.filter}\n)"]))
  unique_writer_identity = true
}

resource "google_pubsub_topic_iam_member" "entries_sink" {
  for_each = google_logging_project_sink.entries
  project  = var.project_id
  topic    = google_pubsub_topic.entries.name
  role     = "roles/pubsub.publisher"
  member   = each.value.writer_identity
}

locals {
  # As functions/snapshot/trigger.ts reads them: what else the audit log says of a cluster changes no policy.
  policy_resources = [
    "networkpolicies",
    "namespaces",
    "networkloggings",
    "fqdnnetworkpolicies",
    "ciliumnetworkpolicies",
    "ciliumclusterwidenetworkpolicies",
    "clusternetworkpolicies",
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
    "globalnetworkpolicies",
    "networksets",
    "globalnetworksets",
    "tiers",
  ]
}

resource "google_logging_project_sink" "policy_changes" {
  for_each    = toset(var.collection.on_policy_changes ? local.log_projects : [])
  project     = each.key
  name        = "${var.project_id}-${var.name}-policy-changes"
  description = "Changes of policies in the audit log: each asks for a snapshot."
  destination = "pubsub.googleapis.com/${google_pubsub_topic.snapshot_requests.id}"
  filter      = <<-EOT
    log_id("cloudaudit.googleapis.com/activity")
    resource.type="k8s_cluster"
    protoPayload.methodName=~"\.(${join("|", local.policy_resources)})\.(create|update|patch|delete|deletecollection)$"
  EOT

  unique_writer_identity = true
}

resource "google_pubsub_topic_iam_member" "policy_changes_sink" {
  for_each = google_logging_project_sink.policy_changes
  project  = var.project_id
  topic    = google_pubsub_topic.snapshot_requests.name
  role     = "roles/pubsub.publisher"
  member   = each.value.writer_identity
}

# Cloud Scheduler publishes as its own agent, whose role allows it.
resource "google_cloud_scheduler_job" "collect" {
  for_each    = toset(var.clusters)
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-collect-${substr(sha256(each.key), 0, 8)}"
  description = "Asks for a snapshot of ${each.key}."
  schedule    = var.collection.schedule
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = google_pubsub_topic.snapshot_requests.id
    data       = base64encode(jsonencode({ cluster = each.key, reason = "schedule" }))
  }

  depends_on = [google_project_service.api]
}

# Who pushes: the only account that may call the two functions.

resource "google_service_account" "push" {
  project      = var.project_id
  account_id   = "${var.name}-push"
  display_name = "${var.name}: Pub/Sub pushes as this account"
  depends_on   = [google_project_service.api]
}

resource "google_pubsub_subscription" "entries" {
  project = var.project_id
  name    = "${var.name}-entries"
  topic   = google_pubsub_topic.entries.id
  labels  = local.labels

  # Also the time-out of a push: longer than a message waits in the function (PATIENCE_SECONDS).
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  push_config {
    push_endpoint = module.ingest.uri
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = module.ingest.uri
    }
  }

  # Between 10 s and 10 min, a hundred times: more than half a day, so that no outage of an hour gives an entry up.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = 100
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_pubsub_topic_iam_member.dead_letters_agent]
}

resource "google_pubsub_subscription" "snapshot_requests" {
  project = var.project_id
  name    = "${var.name}-snapshot-requests"
  topic   = google_pubsub_topic.snapshot_requests.id
  labels  = local.labels

  # A large cluster takes minutes to be read.
  ack_deadline_seconds = 600
  # Older ones have been overtaken by the next: there is nothing that a dead letter would save.
  message_retention_duration = "3600s"

  push_config {
    push_endpoint = module.snapshot.uri
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = module.snapshot.uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  expiration_policy {
    ttl = ""
  }
}

# What was given up is kept in BigQuery, and sent again by `policy-audit redrive`.

resource "google_pubsub_subscription" "dead_letters" {
  project = var.project_id
  name    = "${var.name}-dead-letters"
  topic   = google_pubsub_topic.dead_letters.id
  labels  = local.labels

  message_retention_duration = "604800s"

  bigquery_config {
    table          = "${google_bigquery_table.table["dead_letters_v1"].project}.${google_bigquery_table.table["dead_letters_v1"].dataset_id}.${google_bigquery_table.table["dead_letters_v1"].table_id}"
    write_metadata = true
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_bigquery_table_iam_member.dead_letters_agent]
}

# Without these three (the last as Pub/Sub documents it for subscriptions of BigQuery), Pub/Sub counts no attempts and forwards nothing, and says so nowhere.

resource "google_pubsub_topic_iam_member" "dead_letters_agent" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = local.agents.pubsub
}

resource "google_pubsub_subscription_iam_member" "entries_agent" {
  project      = var.project_id
  subscription = google_pubsub_subscription.entries.name
  role         = "roles/pubsub.subscriber"
  member       = local.agents.pubsub
}

resource "google_bigquery_table_iam_member" "dead_letters_agent" {
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table["dead_letters_v1"].table_id
  role       = "roles/bigquery.dataEditor"
  member     = local.agents.pubsub
}
