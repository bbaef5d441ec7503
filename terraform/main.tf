# Everything is deployed into one project. What it is made of, in the order in which the data flow: messages.tf, functions.tf, warehouse.tf,
# rejudge.tf, alerts.tf; beside them snapshots.tf, clusters.tf and monitoring.tf.

data "google_project" "this" {
  project_id = var.project_id
}

locals {
  labels = merge({ app = var.name }, var.labels)

  # The same id, known once the APIs are enabled. Modules take what they wait for as an input: `depends_on` would have their data sources read
  # in the middle of an apply, and a build that is not there found only then.
  project_id = google_project_service.api["iam.googleapis.com"].project

  # Agents of Google's own services. Each exists once its API has been enabled.
  agents = {
    pubsub = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  }

  apis = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "bigquery.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "container.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "storage.googleapis.com",
    ],
    var.rejudge.enabled ? ["bigqueryconnection.googleapis.com", "bigquerydatatransfer.googleapis.com"] : [],
    local.alert_secret != null ? ["secretmanager.googleapis.com"] : [],
    var.monitoring.alerts || var.monitoring.dashboard ? ["monitoring.googleapis.com"] : [],
  ))
}

resource "google_project_service" "api" {
  for_each = local.apis
  project  = var.project_id
  service  = each.key

  # Others in the project may use it too.
  disable_on_destroy = false
}
