import type { HttpFunction } from '@google-cloud/functions-framework';
import { stackOf, textOf } from '../push/failure.ts';
import { isHealthCheck, type Trace, traceOf } from '../push/request.ts';
import { type AlertLine, alertLine } from './log.ts';
import { type RunCounts, type RunEvent, type RunPorts, runAlerts } from './run.ts';

/** The last line of a run in the log, in the form of Cloud Logging's structured logs. */
export interface RunLine extends Trace {
	readonly severity: 'INFO' | 'ERROR';
	readonly message: string;
	readonly outcome: 'ok' | 'failed';
	readonly problems: number;
	readonly alerts: number;
	readonly held: number;
	readonly messages: number;
	readonly given_up: number;
	readonly yielded: number;
	readonly left: number;
	readonly took_ms: number;
	/** Where an error came from. */
	readonly stack?: string;
}

export interface AlertPorts extends Omit<RunPorts, 'tell'> {
	readonly log: (line: RunLine | AlertLine) => void;
	/** The project whose traces the requests belong to. */
	readonly traceProject?: string;
}

/**
 * Makes the HTTP function that Cloud Scheduler calls each minute: one run. 200: it was done, also where there was nothing to tell. 503: it could
 * not read or claim, or not post all that it had; the next run goes on from there. 405: it was not a POST.
 */
export function createAlert(ports: AlertPorts): HttpFunction {
	const { log, now, traceProject } = ports;
	return async function alert(request, response) {
		if (isHealthCheck(request)) {
			response.status(200).type('text/plain').send('ok\n');
			return;
		}
		if (request.method !== 'POST') {
			response.status(405).set('Allow', 'POST').type('text/plain').send('Cloud Scheduler calls this: POST starts a run\n');
			return;
		}
		const trace = traceOf(request, traceProject);
		const startMs = now().getTime();
		const tell = (event: RunEvent): void => log({ ...alertLine(event), ...trace });
		const end = ({ givenUp, whole, ...counts }: RunCounts, error?: unknown): RunLine => ({
			...(error === undefined && whole
				? { severity: 'INFO', message: wordsOf({ ...counts, givenUp, whole }), outcome: 'ok' }
				: {
						severity: 'ERROR',
						message: `${wordsOf({ ...counts, givenUp, whole })}${error === undefined ? '' : `; failed: ${textOf(error)}`}`,
						outcome: 'failed',
					}),
			...counts,
			given_up: givenUp,
			took_ms: now().getTime() - startMs,
			...stackOf(error),
			...trace,
		});
		let line: RunLine;
		try {
			line = end(await runAlerts({ ...ports, tell }));
		} catch (error) {
			line = end(NOTHING, error);
		}
		log(line);
		const { outcome, problems, alerts, held, messages, given_up, yielded, left } = line;
		response.status(outcome === 'ok' ? 200 : 503).json({ outcome, problems, alerts, held, messages, given_up, yielded, left });
	};
}

const NOTHING: RunCounts = { problems: 0, alerts: 0, held: 0, messages: 0, givenUp: 0, yielded: 0, left: 0, whole: false };

function wordsOf({ problems, alerts, held, messages, givenUp, yielded, left }: RunCounts): string {
	const more = [
		...(held > 0 ? [`${held} events held back`] : []),
		...(givenUp > 0 ? [`${givenUp} of them refused and told in the log`] : []),
		...(yielded > 0 ? [`${yielded} told by another run`] : []),
		...(left > 0 ? [`${left} messages left to the next run`] : []),
	];
	return [`${problems} problems, ${alerts} events, ${messages} messages posted`, ...more].join(', ');
}
