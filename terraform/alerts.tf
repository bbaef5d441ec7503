# Alerts in Slack. The secret is made here and its value is not: whoever may read the state could read that too.

resource "google_secret_manager_secret" "slack" {
  count     = var.slack.enabled ? 1 : 0
  project   = var.project_id
  secret_id = "${var.name}-slack-webhook"
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
