import { bounded, isTransient, redact } from '../attempt.ts';
import { type Answer, unavailableOrFailed } from './answer.ts';

/** Headers that every request carries; rejects where there are no credentials. */
export type Authorize = () => Promise<Headers>;

/** The application default credentials. Google's client is loaded only here, because it costs 0.14 s; it keeps and renews the token. */
export function createAuthorize({ apiEndpoint, projectId }: { readonly apiEndpoint: string; readonly projectId: string }): Authorize {
	// Whoever has credentials on a laptop would send them to an emulator otherwise, in clear.
	if (new URL(apiEndpoint).protocol === 'http:') return async () => new Headers();
	let client: Promise<{ readonly authClient: { getRequestHeaders(): Promise<Headers> } }> | undefined;
	return async () => {
		// Told its project, it does not go and look for one.
		client ??= import('@google-cloud/bigquery').then(({ BigQuery }) => new BigQuery({ projectId }));
		const { authClient } = await client;
		return authClient.getRequestHeaders();
	};
}

/** What a failure to get a token means. Of the error nothing but its message is kept: it holds the request, secrets included. */
export function toCredentialsAnswer(cause: unknown): Answer {
	const { message, status, code } = cause as { readonly message?: string; readonly status?: number; readonly code?: string | number };
	const error = new Error(`no credentials for BigQuery: ${bounded(redact(message ?? String(cause)), 500)}`, { cause: { status, code } });
	const missing = /Could not load the default credentials/.test(error.message);
	return unavailableOrFailed(!missing && (status === undefined || isTransient(status)), error);
}
