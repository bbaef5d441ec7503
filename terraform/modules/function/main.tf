# A function of Cloud Run functions: its service account, its code by content, and who may call it.

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = var.name
  display_name = "${var.name}: ${var.description}"
}

# Each secret alone. A revision of the function starts only when it may read what it is told; its image takes longer to be built than a grant
# to hold, as a rule.
resource "google_secret_manager_secret_iam_member" "this" {
  for_each  = var.secrets
  project   = var.project_id
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

data "archive_file" "code" {
  type        = "zip"
  source_dir  = var.artefact
  output_path = "${path.root}/.terraform/policy-audit/${var.name}.zip"
  # The archive is the same from every checkout, whatever its umask.
  output_file_mode = "0644"

  lifecycle {
    precondition {
      condition     = fileexists("${var.artefact}/index.js")
      error_message = "${var.artefact} holds no built function: run `npm ci && npm run build:functions` in the repository first."
    }
  }
}

resource "google_storage_bucket_object" "code" {
  bucket = var.code_bucket
  # By content: a function is deployed anew when its code has another object, and only then.
  name   = "${var.name}-${data.archive_file.code.output_md5}.zip"
  source = data.archive_file.code.output_path
}

resource "google_cloudfunctions2_function" "this" {
  project     = var.project_id
  location    = var.region
  name        = var.name
  description = var.description
  labels      = var.labels

  build_config {
    runtime         = "nodejs24"
    entry_point     = var.entry_point
    service_account = var.build_account
    # The artefact is built already: no script of it is to be run.
    environment_variables = { GOOGLE_NODE_RUN_SCRIPTS = "" }

    source {
      storage_source {
        bucket = var.code_bucket
        object = google_storage_bucket_object.code.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    available_memory                 = var.memory
    available_cpu                    = var.cpu
    max_instance_request_concurrency = var.concurrency
    min_instance_count               = var.instances.min
    max_instance_count               = var.instances.max
    timeout_seconds                  = var.timeout_seconds
    ingress_settings                 = var.ingress
    all_traffic_on_latest_revision   = true

    environment_variables = merge({
      # Rows that wait outlive the standard nursery of the garbage collector; in a larger one most of them never leave it.
      NODE_OPTIONS     = "--max-semi-space-size=16"
      LOG_EXECUTION_ID = "true"
    }, var.environment)

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.project_id
        secret     = secret_environment_variables.value.secret
        version    = secret_environment_variables.value.version
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.this]
}

# The service of Cloud Run that a function of the second generation is has the same name.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers
  project  = var.project_id
  location = var.region
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = each.value
}
