/**
 * What the errors of incoming webhooks and of chat.postMessage mean for a message.
 * Sources: docs.slack.dev/reference/methods/chat.postMessage, docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
 */
export type Meaning =
	/** Not taken, and may be later. */
	| 'again'
	/** Some of it may have been done. */
	| 'unknown'
	/** It is taken, but not in that thread. */
	| 'thread'
	/** Nothing is taken until somebody mends it. Only those are listed whose status would say something else. */
	| 'broken'
	/** A message in this form is not taken, others are. */
	| 'refused';

const MEANINGS: readonly (readonly [Meaning, readonly string[]])[] = [
	[
		'again',
		[
			'ratelimited',
			'rate_limited',
			'message_limit_exceeded',
			'service_unavailable',
			'request_timeout',
			'team_added_to_org',
			'org_login_required',
		],
	],
	['unknown', ['internal_error', 'fatal_error']],
	[
		'thread',
		[
			'thread_not_found',
			'message_not_found',
			'invalid_thread_ts',
			'cannot_reply_to_message',
			'restricted_action_thread_locked',
			'restricted_action_non_threadable_channel',
		],
	],
	['broken', ['user_not_found', 'channel_not_found', 'channel_is_archived', 'no_team', 'team_disabled', 'no_service', 'invalid_token']],
	[
		'refused',
		[
			'invalid_payload',
			'invalid_blocks',
			'invalid_blocks_format',
			'invalid_attachments',
			'invalid_json',
			'json_not_object',
			'invalid_post_type',
			'invalid_charset',
			'invalid_form_data',
			'missing_post_type',
			'invalid_arguments',
			'invalid_arg_name',
			'invalid_array_arg',
			'invalid_metadata_format',
			'invalid_metadata_schema',
			'metadata_too_large',
			'metadata_must_be_sent_from_app',
			'markdown_text_conflict',
			'msg_too_long',
			'msg_blocks_too_long',
			'attachment_payload_limit_exceeded',
			'too_many_attachments',
			'too_many_contact_cards',
			'no_text',
			'missing_text_or_fallback_or_attachments',
			'slack_connect_file_link_sharing_blocked',
			'slack_connect_clip_sharing_blocked',
			'slack_connect_blocked_file_type',
			'blocked_file_type',
		],
	],
];

const BY_CODE: ReadonlyMap<string, Meaning> = new Map(
	MEANINGS.flatMap(([meaning, codes]) => codes.map((code) => [code, meaning] as const)),
);

/** `undefined` of an error that is not listed here: the many that concern the token, the channel or the workspace, and new ones. */
export const meaningOf = (code: string | undefined): Meaning | undefined => (code === undefined ? undefined : BY_CODE.get(code));

/** An error's name as Slack writes them. Nothing else is taken for one: what a stranger answers may repeat what it was sent. */
export function parseCode(value: unknown): string | undefined {
	const text = typeof value === 'string' ? value.trim() : '';
	return /^[a-z][a-z_]{0,79}$/.test(text) ? text : undefined;
}
