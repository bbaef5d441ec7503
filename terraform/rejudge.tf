# Judging again, in BigQuery: the engine as a remote function, and the scheduled queries that call it.

locals {
  # As functions/version.ts makes it: rows say by what they were judged.
  engine_version = join("+", compact([
    jsondecode(file("${path.module}/../package.json")).version,
    length(local.candidates) == 0 ? "" : join(",", local.candidates),
  ]))

  # By name: the file, how often it runs, and what it is told besides the dataset.
  rejudge_queries = merge(
    {
      late_snapshots    = { schedule = "every 15 minutes", with = {} }
      changed_snapshots = { schedule = "every 5 minutes", with = {} }
    },
    var.rejudge.history == null ? {} : {
      engine_version = { schedule = "every 15 minutes", with = merge(var.rejudge.history, { engine_version = local.engine_version }) }
    },
    var.rejudge.log_analytics == null ? {} : {
      never_streamed_log_analytics = { schedule = "every 24 hours", with = { logs = var.rejudge.log_analytics } }
    },
    var.rejudge.exported == null ? {} : {
      never_streamed_export = { schedule = "every 24 hours", with = { logs = var.rejudge.exported } }
    },
  )

  # Datasets of others that the queries read.
  rejudge_sources = var.rejudge.enabled ? { for name in compact([var.rejudge.log_analytics, var.rejudge.exported]) : name => split(".", name) } : {}
}

module "rejudge" {
  count       = var.rejudge.enabled ? 1 : 0
  source      = "./modules/function"
  project_id  = local.project_id
  region      = var.region
  name        = "${var.name}-rejudge"
  description = "judges entries again for BigQuery"
  labels      = local.labels

  entry_point   = "rejudge"
  artefact      = "${local.artefacts}/rejudge"
  code_bucket   = google_storage_bucket.code.name
  build_account = time_sleep.build.triggers["account"]

  memory          = "2Gi"
  concurrency     = 4
  instances       = { min = 0, max = var.scale.rejudge_max }
  timeout_seconds = 120
  # BigQuery comes from outside, unless a service perimeter holds both. IAM keeps all others away.
  ingress = "ALLOW_ALL"

  environment = local.environment
  invokers    = { bigquery = "serviceAccount:${google_bigquery_connection.rejudge[0].cloud_resource[0].service_account_id}" }
}

resource "google_storage_bucket_iam_member" "rejudge" {
  count  = var.rejudge.enabled ? 1 : 0
  bucket = google_storage_bucket.snapshots.name
  role   = "roles/storage.objectViewer"
  member = module.rejudge[0].member
}

resource "google_bigquery_connection" "rejudge" {
  count         = var.rejudge.enabled ? 1 : 0
  project       = var.project_id
  location      = var.region
  connection_id = "${var.name}-rejudge"
  description   = "Calls the function ${var.name}-rejudge."

  cloud_resource {}

  depends_on = [google_project_service.api]
}

resource "google_bigquery_routine" "rejudge" {
  count        = var.rejudge.enabled ? 1 : 0
  project      = var.project_id
  dataset_id   = google_bigquery_dataset.audit.dataset_id
  routine_id   = "rejudge"
  routine_type = "SCALAR_FUNCTION"
  description  = "A log entry as JSON in, its row as JSON out, judged by the snapshot of its time."
  # Its body is the function's.
  definition_body = ""
  return_type     = jsonencode({ typeKind = "STRING" })

  arguments {
    name      = "entry"
    data_type = jsonencode({ typeKind = "STRING" })
  }

  remote_function_options {
    connection = google_bigquery_connection.rejudge[0].id
    endpoint   = module.rejudge[0].uri
    # What an instance answers within seconds; the reply of a batch may have 10 MB.
    max_batching_rows = "1000"
  }
}

resource "google_bigquery_routine" "verdict_row" {
  count        = var.rejudge.enabled ? 1 : 0
  project      = var.project_id
  dataset_id   = google_bigquery_dataset.audit.dataset_id
  routine_id   = "verdict_row"
  routine_type = "SCALAR_FUNCTION"
  language     = "SQL"
  description  = "A reply of rejudge as the columns of verdicts_v1."

  definition_body = file("${local.schemas}/routines/verdict_row.sql")

  arguments {
    name      = "reply"
    data_type = jsonencode({ typeKind = "STRING" })
  }
}

# Who runs the scheduled queries.

resource "google_service_account" "queries" {
  count        = var.rejudge.enabled ? 1 : 0
  project      = var.project_id
  account_id   = "${var.name}-queries"
  display_name = "${var.name}: runs the scheduled queries"
  depends_on   = [google_project_service.api]
}

resource "google_project_iam_member" "queries" {
  count   = var.rejudge.enabled ? 1 : 0
  project = var.project_id
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.queries[0].member
}

# To read the views, and to call the two routines.
resource "google_bigquery_dataset_iam_member" "queries" {
  count      = var.rejudge.enabled ? 1 : 0
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.queries[0].member
}

# The rows that INSERT selects are read by the role above.
resource "google_bigquery_table_iam_member" "queries" {
  count      = var.rejudge.enabled ? 1 : 0
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = google_bigquery_table.table["verdicts_v1"].table_id
  role       = google_project_iam_custom_role.row_writer.name
  member     = google_service_account.queries[0].member
}

resource "google_bigquery_connection_iam_member" "queries" {
  count         = var.rejudge.enabled ? 1 : 0
  project       = var.project_id
  location      = var.region
  connection_id = google_bigquery_connection.rejudge[0].connection_id
  role          = "roles/bigquery.connectionUser"
  member        = google_service_account.queries[0].member
}

resource "google_bigquery_dataset_iam_member" "sources" {
  for_each   = local.rejudge_sources
  project    = each.value[0]
  dataset_id = each.value[1]
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.queries[0].member
}

resource "google_bigquery_data_transfer_config" "rejudge" {
  for_each             = var.rejudge.enabled ? local.rejudge_queries : {}
  project              = var.project_id
  location             = var.region
  display_name         = "${var.name}: ${replace(each.key, "_", " ")}"
  data_source_id       = "scheduled_query"
  schedule             = each.value.schedule
  service_account_name = google_service_account.queries[0].email

  params = {
    query = templatefile("${local.schemas}/rejudge/${each.key}.sql", merge({ dataset = local.dataset }, each.value.with))
  }

  depends_on = [
    google_bigquery_connection_iam_member.queries,
    google_bigquery_dataset_iam_member.queries,
    google_bigquery_routine.rejudge,
    google_bigquery_routine.verdict_row,
    google_bigquery_table.view,
    google_bigquery_table_iam_member.queries,
    google_project_iam_member.queries,
  ]
}
