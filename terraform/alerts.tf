# Alerts: the function that tells of problems, Cloud Scheduler that calls it each minute or every few, and the secret of where it tells them.

locals {
  # By where alerts go: the variable that the function takes the secret from.
  alert_secrets = {
    "slack-webhook" = "SLACK_WEBHOOK"
    "slack-bot"     = "SLACK_TOKEN"
    "webhook"       = "ALERT_WEBHOOK"
  }
  alert_secret = try(local.alert_secrets[var.alerts.to], null)
  # Not before it can post: what it had only logged by then would count as told.
  alerts_run = var.alerts.to == "log" || var.alerts.secret_version != null

  # The least and the most, as functions/alert-config.ts takes them.
  alert_bounds = {
    group_wait_seconds     = [0, 600]
    group_interval_minutes = [1, 1440]
    repeat_hours           = [1, 168]
    quiet_minutes          = [15, 1440]
    messages               = [1, 40]
  }

  alert_environment = merge(
    { DATASET = local.dataset, SLACK_CHANNEL = var.alerts.slack_channel, CONSTRUCTS_URL = var.alerts.constructs_url },
    { for name, value in var.alerts.pace : "ALERT_${upper(name)}" => value },
  )
}

# One for each deployment, whatever it holds: to post elsewhere is another version. The secret is made here and its value is not: whoever may
# read the state could read that too.
resource "google_secret_manager_secret" "alerts" {
  count     = local.alert_secret == null ? 0 : 1
  project   = var.project_id
  secret_id = "${var.name}-alerts"
  labels    = local.labels

  deletion_protection = var.deletion_protection

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.api]
}

module "alert" {
  count       = local.alerts_run ? 1 : 0
  source      = "./modules/function"
  project_id  = local.project_id
  region      = var.region
  name        = "${var.name}-alert"
  description = "tells of problems"
  labels      = local.labels

  entry_point   = "alert"
  artefact      = "${local.artefacts}/alert"
  code_bucket   = google_storage_bucket.code.name
  build_account = time_sleep.build.triggers["account"]

  # One run after the other. Two at once claim their messages and say nothing twice, but nothing sooner either.
  memory          = "512Mi"
  concurrency     = 1
  instances       = { min = 0, max = 1 }
  timeout_seconds = 240

  environment = { for name, value in local.alert_environment : name => value if value != null }
  secrets = local.alert_secret == null ? {} : {
    (local.alert_secret) = { secret = google_secret_manager_secret.alerts[0].secret_id, version = tostring(var.alerts.secret_version) }
  }
  invokers = { scheduler = google_service_account.scheduler[0].member }
}

resource "google_project_iam_member" "alert" {
  count   = local.alerts_run ? 1 : 0
  project = var.project_id
  role    = "roles/bigquery.jobUser"
  member  = module.alert[0].member
}

resource "google_bigquery_dataset_iam_member" "alert" {
  count      = local.alerts_run ? 1 : 0
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = module.alert[0].member
}

# A statement that changes rows needs bigquery.tables.updateData of the table that it changes, and bigquery.tables.getData of those that it
# reads, its own too: the former is in this role, the latter in the one above.
resource "google_bigquery_table_iam_member" "alert" {
  count      = local.alerts_run ? 1 : 0
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table["alerts_v1"].table_id
  role       = google_project_iam_custom_role.row_writer.name
  member     = module.alert[0].member
}

# Who calls: an account of its own, so that what pushes cannot tell, and what tells cannot push.
resource "google_service_account" "scheduler" {
  count        = local.alerts_run ? 1 : 0
  project      = var.project_id
  account_id   = "${var.name}-scheduler"
  display_name = "${var.name}: Cloud Scheduler calls as this account"
  depends_on   = [google_project_service.api]
}

# A run that failed is not called again: the next minute's is.
resource "google_cloud_scheduler_job" "alert" {
  count       = local.alerts_run ? 1 : 0
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-alert"
  description = "Has problems told of."
  schedule    = var.alerts.every_minutes == 1 ? "* * * * *" : "*/${var.alerts.every_minutes} * * * *"
  time_zone   = "Etc/UTC"

  # As long as the function may take.
  attempt_deadline = "240s"

  http_target {
    http_method = "POST"
    uri         = module.alert[0].uri
    # Without it the body comes as bytes.
    headers = { "Content-Type" = "application/json" }
    body    = base64encode("{}")

    oidc_token {
      service_account_email = google_service_account.scheduler[0].email
      audience              = module.alert[0].uri
    }
  }
}

# Who makes silences, by `policy-audit silence`: people, who see nothing else by this.

resource "google_project_iam_member" "silencers" {
  for_each = toset(var.alerts.silencers)
  project  = var.project_id
  role     = "roles/bigquery.jobUser"
  member   = each.value
}

resource "google_bigquery_table_iam_member" "silencers_read" {
  for_each   = toset(var.alerts.silencers)
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table["silences_v1"].table_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value
}

resource "google_bigquery_table_iam_member" "silencers_write" {
  for_each   = toset(var.alerts.silencers)
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table["silences_v1"].table_id
  role       = google_project_iam_custom_role.row_writer.name
  member     = each.value
}
