import { stackOf, textOf } from '../push/failure.ts';
import type { Trace } from '../push/request.ts';
import { type Alert, type Notice, SEVERITIES } from './alert.ts';
import { toJsonMessage } from './message/json.ts';
import { alertsOf } from './plan.ts';
import type { RunEvent } from './run.ts';

/**
 * A line of the log that a message leaves, in the form of Cloud Logging's structured logs: who has no Slack is notified by Cloud Monitoring on
 * `jsonPayload.alert_state`.
 */
export interface AlertLine extends Trace {
	readonly severity: 'INFO' | 'NOTICE' | 'WARNING' | 'ERROR';
	readonly message: string;
	readonly alert_state?: Alert['state'];
	/** The worst of those that the message tells of. */
	readonly alert_severity?: Alert['group']['severity'];
	/** As another webhook than Slack's gets it (schemas/alert.schema.json). */
	readonly alert?: object;
	readonly stack?: string;
}

export function alertLine(event: RunEvent): AlertLine {
	switch (event.kind) {
		case 'posted':
			return { severity: severityOf(event.notice), ...about(event) };
		case 'given-up': {
			const { message, ...rest } = about(event);
			return { severity: 'ERROR', message: `it was refused (${event.detail}) and counts as told by this line: ${message}`, ...rest };
		}
		case 'not-noted':
			return {
				severity: 'ERROR',
				message: `a message was posted and that could not be noted, so that it will be posted again in some minutes: ${textOf(event.error)}`,
				...stackOf(event.error),
			};
		case 'not-posted':
			return { severity: 'ERROR', message: `${WHY[event.reason]}: ${event.detail}` };
		default:
			return event satisfies never;
	}
}

const WHY = {
	later: 'a message could not be posted, and will be by one of the next runs',
	broken: 'nothing can be posted until somebody mends it; it will be as soon as that is so',
	'out-of-time': 'not all messages were posted, the next run goes on',
} as const;

function about({ notice, rendering }: Extract<RunEvent, { readonly rendering: unknown }>): Omit<AlertLine, 'severity'> {
	const alerts = alertsOf(notice);
	const severity = SEVERITIES.find((one) => alerts.some(({ group }) => group.severity === one));
	const alert = toJsonMessage(notice, rendering);
	return {
		// As it is: a log has no markup.
		message: String(alert['title']),
		alert_state: (alerts[0] as Alert).state,
		...(severity !== undefined && { alert_severity: severity }),
		alert,
	};
}

function severityOf(notice: Notice): AlertLine['severity'] {
	const alerts = alertsOf(notice);
	if (alerts.every(({ state }) => state === 'resolved')) return 'INFO';
	return alerts.some(({ group }) => group.severity === 'high') ? 'WARNING' : 'NOTICE';
}
