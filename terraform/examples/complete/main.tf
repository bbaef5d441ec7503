# Two clusters, one of them of another project; a filter, alerts in Slack, a key of your own, and older entries of a linked dataset.
module "policy_audit" {
  source     = "../.."
  project_id = "my-project"
  region     = "europe-west1"
  name       = "np-audit"

  clusters = [
    "projects/my-project/locations/europe-west1/clusters/prod",
    "projects/other-project/locations/europe-west4-a/clusters/staging",
  ]
  collection = { schedule = "*/10 * * * *" }

  entries        = { filter = "-resource.labels.cluster_name=\"sandbox\"" }
  retention_days = { verdicts = 90, snapshots = 120 }
  scale          = { ingest_min = 1, ingest_max = 20 }

  rejudge = {
    # Within retention_days.verdicts: older days have no rows any more.
    history       = { since = "2026-10-01", until = "2026-11-01" }
    log_analytics = "my-project.my_logs._AllLogs"
  }

  alerts = {
    to = "slack-webhook"
    # Once the secret has a value: without this line at first.
    secret_version = 1
    silencers      = ["group:oncall@example.com"]
  }
  monitoring = { channels = ["projects/my-project/notificationChannels/1234567890"] }

  kms_key = "projects/my-project/locations/europe-west1/keyRings/audit/cryptoKeys/data"
  labels  = { team = "platform" }
}

output "policy_audit" {
  value = module.policy_audit
}

output "rbac_manifests" {
  value = module.policy_audit.rbac_manifests
}

output "alert_secret" {
  value = module.policy_audit.alert_secret
}
