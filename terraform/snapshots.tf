# The snapshots of the clusters, and the code of the functions.

resource "google_storage_bucket" "snapshots" {
  project  = var.project_id
  name     = "${var.project_id}-${var.name}-snapshots"
  location = var.region
  labels   = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  # Longer than the week after which an unchanged state is written again: validated in variables.tf.
  lifecycle_rule {
    condition {
      age = var.retention_days.snapshots
    }
    action {
      type = "Delete"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

resource "google_storage_bucket" "code" {
  project  = var.project_id
  name     = "${var.project_id}-${var.name}-code"
  location = var.region
  labels   = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # It holds nothing that cannot be built again.
  force_destroy = true

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

# With a key of your own, the agents that encrypt by it. Google's provider finds two of them; Pub/Sub's has a name that follows a rule.
data "google_storage_project_service_account" "agent" {
  count   = var.kms_key == null ? 0 : 1
  project = var.project_id
}

data "google_bigquery_default_service_account" "agent" {
  count   = var.kms_key == null ? 0 : 1
  project = var.project_id
}

resource "google_kms_crypto_key_iam_member" "user" {
  for_each = var.kms_key == null ? {} : {
    storage  = "serviceAccount:${data.google_storage_project_service_account.agent[0].email_address}"
    bigquery = "serviceAccount:${data.google_bigquery_default_service_account.agent[0].email}"
    pubsub   = local.agents.pubsub
  }
  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
  # Pub/Sub's agent is there once its API is enabled.
  depends_on = [google_project_service.api]
}
