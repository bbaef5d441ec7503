# The dataset, with what schemas/ defines: tables, and the views that people ask.

locals {
  schemas    = "${path.module}/../schemas"
  dataset    = "${var.project_id}.${google_bigquery_dataset.audit.dataset_id}"
  partitions = jsondecode(file("${local.schemas}/partitions.json"))
  tables     = toset([for file in fileset("${local.schemas}/tables", "*.json") : trimsuffix(file, ".json")])

  views = { for file in fileset("${local.schemas}/views", "*.sql") : trimsuffix(file, ".sql") => file("${local.schemas}/views/${file}") }
  # A view must be there before those that read it. None is read that reads others itself.
  derived_views = toset([
    for name, sql in local.views : name
    if anytrue([for other in keys(local.views) : strcontains(sql, "$${dataset}.${other}`")])
  ])

  expiration_days = {
    verdicts_v1        = var.retention_days.verdicts
    rejects_v1         = var.retention_days.rejects
    dead_letters_v1    = var.retention_days.dead_letters
    snapshots_v1       = var.retention_days.snapshots
    policy_findings_v1 = var.retention_days.snapshots
  }
}

resource "google_bigquery_dataset" "audit" {
  project     = var.project_id
  location    = var.region
  dataset_id  = replace(var.name, "-", "_")
  description = "What policy-action entries mean: verdicts, findings, and what was refused. Ask the views; tables have versions."
  labels      = local.labels

  delete_contents_on_destroy = !var.deletion_protection

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.user]
}

resource "google_bigquery_table" "table" {
  for_each   = local.tables
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = each.key
  schema     = file("${local.schemas}/tables/${each.key}.json")
  clustering = local.partitions[each.key].clustering
  labels     = local.labels

  require_partition_filter = local.partitions[each.key].filter_required
  deletion_protection      = var.deletion_protection

  # As the dataset has it already: a table that does not say so itself would be made anew by the next apply.
  dynamic "encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = encryption_configuration.value
    }
  }

  dynamic "time_partitioning" {
    for_each = local.partitions[each.key].column == null ? [] : [local.partitions[each.key].column]
    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = contains(keys(local.expiration_days), each.key) ? local.expiration_days[each.key] * 24 * 60 * 60 * 1000 : null
    }
  }
}

resource "google_bigquery_table" "view" {
  for_each   = setsubtract(keys(local.views), local.derived_views)
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = each.key
  labels     = local.labels

  # Nothing is lost with a view.
  deletion_protection = false

  view {
    query          = templatefile("${local.schemas}/views/${each.key}.sql", { dataset = local.dataset })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table]
}

resource "google_bigquery_table" "derived_view" {
  for_each   = local.derived_views
  project    = var.project_id
  dataset_id = google_bigquery_dataset.audit.dataset_id
  table_id   = each.key
  labels     = local.labels

  deletion_protection = false

  view {
    query          = templatefile("${local.schemas}/views/${each.key}.sql", { dataset = local.dataset })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.view]
}
