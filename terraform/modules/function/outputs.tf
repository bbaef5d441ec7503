output "name" {
  value = google_cloudfunctions2_function.this.name
}

output "uri" {
  description = "The service's own address, at run.app."
  value       = google_cloudfunctions2_function.this.service_config[0].uri
}

output "email" {
  value = google_service_account.this.email
}

output "unique_id" {
  description = "The service account's number."
  value       = google_service_account.this.unique_id
}

output "member" {
  description = "The function's service account, as IAM names it."
  value       = google_service_account.this.member
}

output "ingress" {
  value = google_cloudfunctions2_function.this.service_config[0].ingress_settings
}

output "concurrency" {
  value = google_cloudfunctions2_function.this.service_config[0].max_instance_request_concurrency
}

output "cpu" {
  value = google_cloudfunctions2_function.this.service_config[0].available_cpu
}

output "build" {
  description = "How it is built."
  value       = google_cloudfunctions2_function.this.build_config[0]
}

output "memory" {
  value = google_cloudfunctions2_function.this.service_config[0].available_memory
}

output "instances" {
  description = "At least, and at most."
  value       = [google_cloudfunctions2_function.this.service_config[0].min_instance_count, google_cloudfunctions2_function.this.service_config[0].max_instance_count]
}

output "runs_as" {
  value = google_cloudfunctions2_function.this.service_config[0].service_account_email
}

output "environment" {
  description = "What the function is told."
  value       = google_cloudfunctions2_function.this.service_config[0].environment_variables
}

output "secrets" {
  description = "What the function is told that nobody else may read: by variable, `PROJECT SECRET VERSION`."
  value       = { for secret in google_cloudfunctions2_function.this.service_config[0].secret_environment_variables : secret.key => "${secret.project_id} ${secret.secret} ${secret.version}" }
}

output "readable_secrets" {
  description = "Which of them it may read: by variable, `PROJECT SECRET ROLE MEMBER`."
  value       = { for key, grant in google_secret_manager_secret_iam_member.this : key => "${grant.project} ${grant.secret_id} ${grant.role} ${grant.member}" }
}

output "timeout_seconds" {
  value = google_cloudfunctions2_function.this.service_config[0].timeout_seconds
}

output "invokers" {
  description = "Who may call it, by a word of ours."
  value       = { for key, grant in google_cloud_run_v2_service_iam_member.invoker : key => grant.member }
}
