# What must not go unnoticed: metrics from the functions' log lines, alert policies, and a dashboard.

locals {
  log_of = { for name in ["ingest", "snapshot", "alert"] : name => "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${var.name}-${name}\"" }

  # Counters of log lines, by the fields that the functions write.
  metrics = {
    rejects = {
      filter      = "${local.log_of.ingest} jsonPayload.outcome=\"reject\""
      description = "Messages that can never become a verdict, by reason."
      labels      = { reason = "EXTRACT(jsonPayload.reason)" }
    }
    retries = {
      filter      = "${local.log_of.ingest} jsonPayload.outcome=\"retry\""
      description = "Deliveries that were not acknowledged, by reason; Pub/Sub delivers them again."
      labels      = { reason = "EXTRACT(jsonPayload.reason)" }
    }
    collections = {
      filter      = "${local.log_of.snapshot} jsonPayload.outcome=(\"changed\" OR \"unchanged\" OR \"rewritten\" OR \"older\")"
      description = "Collections of a cluster's state that came to their end, by cluster."
      labels      = { cluster = "EXTRACT(jsonPayload.cluster)" }
    }
  }

  alert_metrics = {
    "alert-runs" = {
      filter      = "${local.log_of.alert} jsonPayload.outcome=(\"ok\" OR \"failed\")"
      description = "Runs of the alert function, by how they ended."
      labels      = { outcome = "EXTRACT(jsonPayload.outcome)" }
    }
  }

  # A cluster that was not seen for this long makes its entries undecidable.
  stale_after_seconds = 900

  subscription_filter = { for name in ["entries", "snapshot-requests"] : name => "resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"${var.name}-${name}\"" }
  metric_filter       = { for name, metric in google_logging_metric.metric : name => "resource.type=\"cloud_run_revision\" metric.type=\"logging.googleapis.com/user/${metric.name}\"" }

  alert_policies = {
    dead_letters = {
      title         = "entries are given up"
      filter        = "${local.subscription_filter["entries"]} metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\""
      threshold     = 0
      duration      = "0s"
      aligner       = "ALIGN_SUM"
      reducer       = "REDUCE_SUM"
      group_by      = []
      documentation = "Pub/Sub gave up entries after 100 attempts. They are in `dead_letters` of the dataset; once the cause is gone, `policy-audit redrive` sends them again."
    }
    waiting_entries = {
      title         = "entries wait"
      filter        = "${local.subscription_filter["entries"]} metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      threshold     = 600
      duration      = "0s"
      aligner       = "ALIGN_MAX"
      reducer       = "REDUCE_MAX"
      group_by      = []
      documentation = "An entry waits for more than 10 minutes: `${var.name}-ingest` is not reached, or acknowledges nothing, and leaves no line that says so where it does not start. Nothing is lost for half a day; its log, and what the subscription's pushes are answered, say why."
    }
    waiting_requests = {
      title         = "requests for snapshots wait"
      filter        = "${local.subscription_filter["snapshot-requests"]} metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      threshold     = 1800
      duration      = "0s"
      aligner       = "ALIGN_MAX"
      reducer       = "REDUCE_MAX"
      group_by      = []
      documentation = "A request for a snapshot waits for more than 30 minutes: `${var.name}-snapshot` is not reached, or cannot collect a cluster. Its log says why; after an hour a request is dropped, and the next takes its place."
    }
    rejects = {
      title         = "messages are rejected"
      filter        = local.metric_filter["rejects"]
      threshold     = 0
      duration      = "0s"
      aligner       = "ALIGN_SUM"
      reducer       = "REDUCE_SUM"
      group_by      = ["metric.label.reason"]
      documentation = "Messages that can never become a verdict arrive. The view `rejects` has each with its reason and its bytes: the sink's filter may let others in, or the log has a form that is not known yet."
    }
    errors = {
      title         = "deliveries fail"
      filter        = local.metric_filter["retries"]
      threshold     = 10
      duration      = "300s"
      aligner       = "ALIGN_SUM"
      reducer       = "REDUCE_SUM"
      group_by      = ["metric.label.reason"]
      documentation = "Ingest cannot write rows or read snapshots, and has entries delivered again. Nothing is lost for half a day; the log lines with `outcome=\"retry\"` say why."
    }
  }
}

resource "google_logging_metric" "metric" {
  for_each    = merge(local.metrics, local.alerts_run ? local.alert_metrics : {})
  project     = var.project_id
  name        = "${var.name}-${each.key}"
  description = each.value.description
  filter      = each.value.filter

  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key = labels.key
      }
    }
  }

  depends_on = [google_project_service.api]
}

# Cloud Monitoring may not know a new metric for 10 minutes, and refuses a policy about it until then.
resource "time_sleep" "metrics" {
  count           = var.monitoring.alerts ? 1 : 0
  create_duration = "600s"
  triggers        = { for name, metric in google_logging_metric.metric : name => metric.name }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each              = var.monitoring.alerts ? local.alert_policies : {}
  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  notification_channels = var.monitoring.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.group_by
      }
    }
  }

  documentation {
    content   = each.value.documentation
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}

# Of each cluster. A condition of absence, or of a threshold, says nothing of a series that was never there, as that of a cluster that could
# not be collected from the beginning; a query of PromQL puts 0 in its place.
resource "google_monitoring_alert_policy" "snapshot_age" {
  for_each              = toset(var.monitoring.alerts ? var.clusters : [])
  project               = var.project_id
  display_name          = "${var.name}: ${each.key} is not seen"
  combiner              = "OR"
  notification_channels = var.monitoring.channels
  user_labels           = local.labels

  conditions {
    display_name = "no collection for ${local.stale_after_seconds / 60} minutes"

    condition_prometheus_query_language {
      # A count of collections is extrapolated, and none is 0.
      query = "(sum(increase(logging_googleapis_com:user_${replace(google_logging_metric.metric["collections"].name, "-", "_")}{monitored_resource=\"cloud_run_revision\",cluster=\"${each.key}\"}[${local.stale_after_seconds}s])) or vector(0)) < 0.5"
      # Time for the log line of a collection every 15 minutes to be counted.
      duration            = "120s"
      evaluation_interval = "60s"
    }
  }

  documentation {
    content   = "The cluster's policies were not collected: from now on its entries are undecidable (`stale-snapshot`), until they are judged again. The log of the function `${var.name}-snapshot` says why; the view `snapshot_health` has the last collection."
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}

# The same for the alert function: whether its runs fail, or there are none, nobody is told of problems.
resource "google_monitoring_alert_policy" "alert_runs" {
  count                 = var.monitoring.alerts && local.alerts_run ? 1 : 0
  project               = var.project_id
  display_name          = "${var.name}: nobody is told of problems"
  combiner              = "OR"
  notification_channels = var.monitoring.channels
  user_labels           = local.labels

  conditions {
    display_name = "no run that succeeded for 15 minutes"

    condition_prometheus_query_language {
      query               = "(sum(increase(logging_googleapis_com:user_${replace(google_logging_metric.metric["alert-runs"].name, "-", "_")}{monitored_resource=\"cloud_run_revision\",outcome=\"ok\"}[900s])) or vector(0)) < 0.5"
      duration            = "120s"
      evaluation_interval = "60s"
    }
  }

  documentation {
    content   = "No run of `${var.name}-alert` came to its end for 15 minutes: the webhook may be revoked, BigQuery may refuse, or the job `${var.name}-alert` of Cloud Scheduler may be paused. What is not told is told by the first run that succeeds, as far as it is no older than a day; where no run was even begun, no older than `quiet_minutes`. Its log says why (`outcome=\"failed\"`)."
    mime_type = "text/markdown"
  }

  depends_on = [time_sleep.metrics]
}

# Of problems themselves, for who is told by Cloud Monitoring: each line that opens an alert is an incident of its own, with its title. The function
# is what keeps them few.
resource "google_monitoring_alert_policy" "problems" {
  count                 = var.monitoring.alerts && local.alerts_run && coalesce(var.monitoring.problems, var.alerts.to == "log") ? 1 : 0
  project               = var.project_id
  display_name          = "${var.name}: a policy problem"
  combiner              = "OR"
  notification_channels = var.monitoring.channels
  user_labels           = local.labels

  conditions {
    display_name = "an alert of ${var.name}-alert"

    condition_matched_log {
      filter = "${local.log_of.alert} jsonPayload.alert_state=\"firing\""
      # Those with other labels have a limit of their own.
      label_extractors = {
        alert    = "EXTRACT(jsonPayload.alert.title)"
        severity = "EXTRACT(jsonPayload.alert_severity)"
      }
    }
  }

  # The least that Cloud Monitoring takes: a line says that something began, and none that it is over.
  alert_strategy {
    auto_close = "1800s"

    notification_rate_limit {
      period = "300s"
    }
  }

  documentation {
    content   = "$${log.extracted_label.alert} (severity $${log.extracted_label.severity}). The log of `${var.name}-alert` has the whole alert in `jsonPayload.alert`."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_dashboard" "this" {
  count   = var.monitoring.dashboard ? 1 : 0
  project = var.project_id

  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", { name = var.name })

  depends_on = [google_logging_metric.metric]
}
