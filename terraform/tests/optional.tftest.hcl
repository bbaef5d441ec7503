# Optional parts, off and on.

mock_provider "google" {
  source = "./tests/mocks"
}
mock_provider "archive" {
  source = "./tests/mocks"
}
mock_provider "time" {
  source = "./tests/mocks"
}

variables {
  project_id = "shop-prod"
  region     = "europe-west1"
  clusters   = ["projects/shop-prod/locations/europe-west1/clusters/prod"]
}

run "everything_off" {
  command = plan

  variables {
    clusters   = []
    collection = { on_policy_changes = false }
    rejudge    = { enabled = false, log_analytics = "shop-prod.logs._AllLogs" }
    monitoring = { alerts = false, dashboard = false }
  }

  assert {
    condition     = length(google_logging_project_sink.policy_changes) + length(google_pubsub_topic_iam_member.policy_changes_sink) + length(google_cloud_scheduler_job.collect) == 0
    error_message = "Nothing asks for snapshots but ingest."
  }
  assert {
    condition     = length(module.rejudge) + length(google_bigquery_connection.rejudge) + length(google_bigquery_routine.rejudge) + length(google_bigquery_data_transfer_config.rejudge) + length(google_service_account.queries) + length(google_bigquery_dataset_iam_member.sources) == 0
    error_message = "Nothing is judged again."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.threshold) + length(google_monitoring_alert_policy.snapshot_age) + length(google_monitoring_alert_policy.alert_runs) + length(google_monitoring_alert_policy.problems) + length(google_monitoring_dashboard.this) + length(time_sleep.metrics) == 0
    error_message = "Nothing is watched."
  }
  assert {
    condition     = length(google_secret_manager_secret.alerts) + length(module.alert) + length(google_cloud_scheduler_job.alert) + length(google_service_account.scheduler) + length(google_project_iam_member.alert) + length(google_bigquery_dataset_iam_member.alert) + length(google_bigquery_table_iam_member.alert) == 0 && output.alert_secret == null
    error_message = "Nobody is told of problems, and there is no secret."
  }
  assert {
    condition     = length(setintersection(local.apis, ["secretmanager.googleapis.com", "bigqueryconnection.googleapis.com", "bigquerydatatransfer.googleapis.com", "monitoring.googleapis.com"])) == 0
    error_message = "No API is enabled that nothing needs."
  }
}

run "rejudge" {
  command = plan

  variables {
    rejudge = {
      history       = { since = "2026-03-01", until = "2026-04-01" }
      log_analytics = "shop-prod.logs._AllLogs"
      exported      = "shop-prod.export.policy_action"
    }
  }

  assert {
    condition     = toset(keys(google_bigquery_data_transfer_config.rejudge)) == toset([for file in fileset("../schemas/rejudge", "*.sql") : trimsuffix(file, ".sql")])
    error_message = "Every file of schemas/rejudge is a scheduled query."
  }
  assert {
    condition = { for name, query in google_bigquery_data_transfer_config.rejudge : name => query.schedule } == {
      late_snapshots               = "every 15 minutes"
      changed_snapshots            = "every 5 minutes"
      engine_version               = "every 15 minutes"
      never_streamed_log_analytics = "every 24 hours"
      never_streamed_export        = "every 24 hours"
    }
    error_message = "Each runs as often as its file says."
  }
  assert {
    condition     = google_bigquery_routine.rejudge[0].arguments[0].data_type == "{\"typeKind\":\"STRING\"}" && google_bigquery_routine.rejudge[0].return_type == "{\"typeKind\":\"STRING\"}" && google_bigquery_routine.verdict_row[0].arguments[0].name == "reply"
    error_message = "An entry goes to the remote function and a row comes back as texts; the routine reads its argument by name."
  }
  assert {
    condition     = alltrue([for query in google_bigquery_data_transfer_config.rejudge : !strcontains(query.params.query, "$${") && strcontains(query.params.query, "`shop-prod.policy_audit.rejudge`")])
    error_message = "No placeholder is left, and each calls the remote function."
  }
  assert {
    condition     = strcontains(google_bigquery_data_transfer_config.rejudge["engine_version"].params.query, "TIMESTAMP '2026-03-01 00:00:00+00'") && strcontains(google_bigquery_data_transfer_config.rejudge["engine_version"].params.query, "engine_version = '${jsondecode(file("../package.json")).version}'")
    error_message = "History is judged by this version of the engine."
  }
  assert {
    condition     = toset(keys(google_bigquery_dataset_iam_member.sources)) == toset(["shop-prod.logs._AllLogs", "shop-prod.export.policy_action"])
    error_message = "The queries read what they were given, and no other dataset."
  }
}

run "candidates" {
  command = plan

  variables {
    entries = { candidates = ["cilium-1.16", "cilium-1.15"], filter = "resource.labels.cluster_name=\"prod\"", keep_confirmed = "1/50" }
    rejudge = { history = { since = "2026-03-01", until = "2026-04-01" } }
  }

  assert {
    condition     = module.ingest.environment["CANDIDATES"] == "cilium-1.15,cilium-1.16" && module.rejudge[0].environment["CANDIDATES"] == "cilium-1.15,cilium-1.16" && module.ingest.environment["KEEP_CONFIRMED"] == "1/50"
    error_message = "All functions judge by the same candidates."
  }
  assert {
    condition     = strcontains(google_bigquery_data_transfer_config.rejudge["engine_version"].params.query, "+cilium-1.15,cilium-1.16'")
    error_message = "The engine's version says by which candidates, in its own order."
  }
  assert {
    condition     = google_logging_project_sink.entries["shop-prod"].filter == "log_id(\"policy-action\")\n(\nresource.labels.cluster_name=\"prod\"\n)"
    error_message = "The filter is one more condition of the sink's."
  }
}

run "default_candidates" {
  command = plan

  variables {
    entries = { candidates = ["cilium-1.12", "cilium-1.13", "cilium-1.14", "cilium-1.15", "cilium-1.16", "cilium-1.20", "cilium-1.13+no-remote-node-identity", "cilium-1.15+cidr-match-nodes"] }
  }

  assert {
    condition     = !contains(keys(module.ingest.environment), "CANDIDATES") && local.engine_version == jsondecode(file("../package.json")).version
    error_message = "The default candidates are the default, also when they are named."
  }
}

run "alerts_seldom" {
  command = plan

  variables {
    alerts = { to = "log", every_minutes = 5 }
  }

  assert {
    condition     = google_cloud_scheduler_job.alert[0].schedule == "*/5 * * * *"
    error_message = "It is called as often as is said."
  }
}

run "alerts_first_step" {
  command = plan

  variables {
    alerts = { to = "slack-webhook" }
  }

  assert {
    condition     = google_secret_manager_secret.alerts[0].secret_id == "policy-audit-alerts" && google_secret_manager_secret.alerts[0].deletion_protection
    error_message = "The secret is there, for its value to be added by hand."
  }
  assert {
    condition     = contains(keys(google_project_service.api), "secretmanager.googleapis.com")
    error_message = "Its API is enabled."
  }
  assert {
    condition     = length(module.alert) + length(google_cloud_scheduler_job.alert) + length(google_monitoring_alert_policy.alert_runs) + length(google_monitoring_alert_policy.problems) == 0 && !contains(keys(google_logging_metric.metric), "alert-runs")
    error_message = "Nothing counts as told before it can be posted."
  }
}

run "alerts_second_step" {
  command = plan

  variables {
    alerts     = { to = "slack-webhook", secret_version = 3 }
    monitoring = { channels = ["projects/shop-prod/notificationChannels/1"] }
  }

  assert {
    condition     = module.alert[0].secrets == { SLACK_WEBHOOK = "shop-prod policy-audit-alerts 3" }
    error_message = "The function is told that version of the secret."
  }
  assert {
    condition     = toset(keys(module.alert[0].environment)) == toset(["NODE_OPTIONS", "LOG_EXECUTION_ID", "DATASET"]) && module.alert[0].environment["DATASET"] == "shop-prod.policy_audit"
    error_message = "The function is told the dataset, and nothing that is not set."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.alert_runs) == 1 && length(google_monitoring_alert_policy.problems) == 0
    error_message = "Who is told in Slack hears from Cloud Monitoring only that the function fails."
  }
}

run "alerts_by_a_bot" {
  command = plan

  variables {
    alerts = {
      to             = "slack-bot"
      secret_version = 1
      slack_channel  = "C0123456789"
      constructs_url = "https://example.com/constructs.md"
      pace           = { group_wait_seconds = 0, group_interval_minutes = 10, repeat_hours = 12, quiet_minutes = 60, messages = 20 }
    }
  }

  assert {
    condition     = module.alert[0].secrets == { SLACK_TOKEN = "shop-prod policy-audit-alerts 1" } && module.alert[0].environment["SLACK_CHANNEL"] == "C0123456789"
    error_message = "A bot has a token and a channel."
  }
  assert {
    condition = { for name, value in module.alert[0].environment : name => value if startswith(name, "ALERT_") || name == "CONSTRUCTS_URL" } == {
      CONSTRUCTS_URL               = "https://example.com/constructs.md"
      ALERT_GROUP_WAIT_SECONDS     = "0"
      ALERT_GROUP_INTERVAL_MINUTES = "10"
      ALERT_REPEAT_HOURS           = "12"
      ALERT_QUIET_MINUTES          = "60"
      ALERT_MESSAGES               = "20"
    }
    error_message = "What is set is told, 0 too."
  }
}

run "alerts_by_a_webhook" {
  command = plan

  variables {
    alerts     = { to = "webhook", secret_version = 1 }
    monitoring = { problems = true }
  }

  assert {
    condition     = module.alert[0].secrets == { ALERT_WEBHOOK = "shop-prod policy-audit-alerts 1" }
    error_message = "Another webhook has a variable of its own."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.problems) == 1
    error_message = "Cloud Monitoring tells of problems too, if asked."
  }
}

run "alerts_in_the_log" {
  command = plan

  variables {
    alerts     = { to = "log" }
    monitoring = { channels = ["projects/shop-prod/notificationChannels/1"] }
  }

  assert {
    condition     = length(google_secret_manager_secret.alerts) == 0 && length(module.alert[0].secrets) + length(module.alert[0].readable_secrets) == 0 && !contains(keys(google_project_service.api), "secretmanager.googleapis.com")
    error_message = "The log needs no secret, and no second step."
  }
  assert {
    condition     = google_monitoring_alert_policy.problems[0].conditions[0].condition_matched_log[0].filter == "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${module.alert[0].name}\" jsonPayload.alert_state=\"firing\"" && google_monitoring_alert_policy.problems[0].conditions[0].condition_matched_log[0].label_extractors == tomap({ alert = "EXTRACT(jsonPayload.alert.title)", severity = "EXTRACT(jsonPayload.alert_severity)" })
    error_message = "Cloud Monitoring tells of each line that opens an alert, with its title."
  }
  assert {
    condition     = google_monitoring_alert_policy.problems[0].alert_strategy[0].notification_rate_limit[0].period == "300s" && google_monitoring_alert_policy.problems[0].alert_strategy[0].auto_close == "1800s"
    error_message = "It has the limit of notifications that Cloud Monitoring asks for."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.problems[0].documentation[0].content, "$${log.extracted_label.alert}") && strcontains(google_monitoring_alert_policy.problems[0].documentation[0].content, "$${log.extracted_label.severity}")
    error_message = "A notification says what the line does: Cloud Monitoring fills it in."
  }
  assert {
    condition     = google_monitoring_alert_policy.alert_runs[0].conditions[0].condition_prometheus_query_language[0].query == "(sum(increase(logging_googleapis_com:user_policy_audit_alert_runs{monitored_resource=\"cloud_run_revision\",outcome=\"ok\"}[900s])) or vector(0)) < 0.5"
    error_message = "A function that fails for 15 minutes, or never ran, is told of."
  }
  assert {
    condition     = google_logging_metric.metric["alert-runs"].name == "policy-audit-alert-runs" && google_logging_metric.metric["alert-runs"].filter == "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${module.alert[0].name}\" jsonPayload.outcome=(\"ok\" OR \"failed\")" && google_logging_metric.metric["alert-runs"].label_extractors == tomap({ outcome = "EXTRACT(jsonPayload.outcome)" })
    error_message = "Its runs are counted by how they end."
  }
  assert {
    condition     = time_sleep.metrics[0].triggers["alert-runs"] == "policy-audit-alert-runs"
    error_message = "The alert policy waits until the metric is known."
  }
  assert {
    condition     = alltrue([for policy in [google_monitoring_alert_policy.problems[0], google_monitoring_alert_policy.alert_runs[0]] : policy.notification_channels == tolist(["projects/shop-prod/notificationChannels/1"])])
    error_message = "Somebody is told."
  }
}

run "alerts_unwatched" {
  command = plan

  variables {
    alerts     = { to = "log" }
    monitoring = { problems = false }
  }

  assert {
    condition     = length(google_monitoring_alert_policy.problems) == 0 && length(google_monitoring_alert_policy.alert_runs) == 1
    error_message = "Lines of the log alone, if asked."
  }
}

run "alerts_unwatched_at_all" {
  command = plan

  variables {
    alerts     = { to = "log" }
    monitoring = { alerts = false }
  }

  assert {
    condition     = length(google_monitoring_alert_policy.problems) + length(google_monitoring_alert_policy.alert_runs) + length(time_sleep.metrics) == 0 && length(module.alert) == 1
    error_message = "Without alert policies the function runs all the same."
  }
}

run "monitoring" {
  command = plan

  variables {
    monitoring = { channels = ["projects/shop-prod/notificationChannels/1"] }
  }

  assert {
    condition     = toset(keys(google_monitoring_alert_policy.threshold)) == toset(["dead_letters", "waiting_entries", "waiting_requests", "rejects", "errors"]) && length(google_monitoring_alert_policy.snapshot_age) == 1
    error_message = "Dead letters, what waits, rejects, errors and the age of each cluster's snapshot are watched."
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.threshold : policy.notification_channels == tolist(["projects/shop-prod/notificationChannels/1"])])
    error_message = "Somebody is told."
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.snapshot_age : policy.notification_channels == tolist(["projects/shop-prod/notificationChannels/1"])])
    error_message = "Somebody is told of a cluster that is not seen."
  }
  assert {
    condition = { for name, policy in google_monitoring_alert_policy.threshold : name => [for of in policy.conditions[0].condition_threshold : "${of.filter} > ${of.threshold_value} for ${of.duration} by ${of.aggregations[0].per_series_aligner} ${of.aggregations[0].cross_series_reducer}"][0] } == {
      dead_letters     = "resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"policy-audit-entries\" metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" > 0 for 0s by ALIGN_SUM REDUCE_SUM"
      waiting_entries  = "resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"policy-audit-entries\" metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" > 600 for 0s by ALIGN_MAX REDUCE_MAX"
      waiting_requests = "resource.type=\"pubsub_subscription\" resource.labels.subscription_id=\"policy-audit-snapshot-requests\" metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" > 1800 for 0s by ALIGN_MAX REDUCE_MAX"
      rejects          = "resource.type=\"cloud_run_revision\" metric.type=\"logging.googleapis.com/user/policy-audit-rejects\" > 0 for 0s by ALIGN_SUM REDUCE_SUM"
      errors           = "resource.type=\"cloud_run_revision\" metric.type=\"logging.googleapis.com/user/policy-audit-retries\" > 10 for 300s by ALIGN_SUM REDUCE_SUM"
    }
    error_message = "Alerts watch the subscriptions and the metrics that there are."
  }
  assert {
    condition     = toset([google_pubsub_subscription.entries.name, google_pubsub_subscription.snapshot_requests.name]) == toset(["policy-audit-entries", "policy-audit-snapshot-requests"])
    error_message = "Subscriptions have the names that alerts know them by."
  }
  assert {
    condition     = google_monitoring_alert_policy.snapshot_age["projects/shop-prod/locations/europe-west1/clusters/prod"].conditions[0].condition_prometheus_query_language[0].query == "(sum(increase(logging_googleapis_com:user_policy_audit_collections{monitored_resource=\"cloud_run_revision\",cluster=\"projects/shop-prod/locations/europe-west1/clusters/prod\"}[900s])) or vector(0)) < 0.5"
    error_message = "A cluster that is not seen for 15 minutes, or never was, is told of."
  }
  assert {
    condition = { for name, metric in google_logging_metric.metric : metric.name => metric.filter } == {
      policy-audit-rejects     = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${module.ingest.name}\" jsonPayload.outcome=\"reject\""
      policy-audit-retries     = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${module.ingest.name}\" jsonPayload.outcome=\"retry\""
      policy-audit-collections = "resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${module.snapshot.name}\" jsonPayload.outcome=(\"changed\" OR \"unchanged\" OR \"rewritten\" OR \"older\")"
    }
    error_message = "Metrics count log lines of the functions that there are."
  }
  assert {
    condition     = time_sleep.metrics[0].triggers == tomap({ rejects = "policy-audit-rejects", retries = "policy-audit-retries", collections = "policy-audit-collections" })
    error_message = "Alerts wait until new metrics are known."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.this[0].dashboard_json).mosaicLayout.tiles) == 8
    error_message = "The dashboard is there."
  }
  assert {
    condition     = !can(regex("Pos\":0|groupByFields\":\\[\\]", google_monitoring_dashboard.this[0].dashboard_json)) && length([for tile in jsondecode(google_monitoring_dashboard.this[0].dashboard_json).mosaicLayout.tiles : tile if can(tile.xPos)]) == 4
    error_message = "The dashboard says nothing that Cloud Monitoring leaves out: each plan would differ."
  }
}

run "kms" {
  command = plan

  variables {
    kms_key             = "projects/keys/locations/europe-west1/keyRings/r/cryptoKeys/k"
    deletion_protection = false
  }

  assert {
    condition     = alltrue([for topic in [google_pubsub_topic.entries, google_pubsub_topic.dead_letters, google_pubsub_topic.snapshot_requests] : topic.kms_key_name == var.kms_key])
    error_message = "Messages are encrypted by the key."
  }
  assert {
    condition     = google_bigquery_dataset.audit.default_encryption_configuration[0].kms_key_name == var.kms_key && google_storage_bucket.snapshots.encryption[0].default_kms_key_name == var.kms_key
    error_message = "Rows and snapshots are encrypted by the key."
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.table : table.encryption_configuration[0].kms_key_name == var.kms_key])
    error_message = "Each table says so itself, or it is made anew at every apply."
  }
  assert {
    condition     = alltrue([for view in concat(values(google_bigquery_table.view), values(google_bigquery_table.derived_view)) : length(view.encryption_configuration) == 0])
    error_message = "A view holds nothing that is encrypted."
  }
  assert {
    condition     = toset(keys(google_kms_crypto_key_iam_member.user)) == toset(["bigquery", "pubsub", "storage"])
    error_message = "Those who encrypt may use the key, and nobody else."
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.table : !table.deletion_protection]) && google_storage_bucket.snapshots.force_destroy
    error_message = "Without protection everything can be destroyed."
  }
}
