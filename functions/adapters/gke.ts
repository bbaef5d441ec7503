import type { ClusterManagerClient } from '@google-cloud/container';
import type { ClusterKey } from '../ports.ts';
import { bounded, redact } from './attempt.ts';

export interface GkeOptions {
	/** Of another server than Google's, `http://HOST:PORT`; it is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	/** How long one question may take, with the client's own attempts. */
	readonly timeoutMs?: number;
}

export interface Gke {
	/**
	 * GKE's description of the cluster, as plain data. Rejects where there is no such cluster (then the error has `retriable: false`), no right
	 * to see it, or no answer.
	 */
	describe(cluster: Required<ClusterKey>): Promise<unknown>;
	/** Headers with an access token, for the cluster's own API server. */
	headers(): Promise<Headers>;
}

/** The client is loaded and made when it is first needed; it asks by REST, without gRPC. */
export function createGke({ apiEndpoint, timeoutMs = 20_000 }: GkeOptions = {}): Gke {
	let opening: Promise<ClusterManagerClient> | undefined;
	const open = (): Promise<ClusterManagerClient> => {
		// What fails now may not fail the next time.
		opening ??= openClient(apiEndpoint).catch((error: unknown) => {
			opening = undefined;
			throw error;
		});
		return opening;
	};
	return {
		async describe({ project, location, name }) {
			const path = `projects/${project}/locations/${location}/clusters/${name}`;
			try {
				const [cluster] = await (await open()).getCluster({ name: path }, { timeout: timeoutMs });
				return cluster;
			} catch (cause) {
				const error = new Error(`GKE does not describe ${path}: ${describeError(cause)}`);
				throw isNotFound(cause) ? Object.assign(error, { retriable: false }) : error;
			}
		},
		async headers() {
			if (apiEndpoint !== undefined) return new Headers();
			const { auth } = await open();
			return auth.getRequestHeaders();
		},
	};
}

async function openClient(apiEndpoint: string | undefined): Promise<ClusterManagerClient> {
	const { ClusterManagerClient } = await import('@google-cloud/container');
	const { GoogleAuth, PassThroughClient } = await import('google-auth-library');
	if (apiEndpoint === undefined) {
		const auth = new GoogleAuth({ scopes: [...SCOPES] });
		// Asked for here, because the client leaves a rejection unhandled where there are no credentials, and the process ends.
		await auth.getClient();
		return new ClusterManagerClient({ fallback: true, auth });
	}
	const { protocol, hostname, port } = new URL(apiEndpoint);
	const authClient = new PassThroughClient();
	return new ClusterManagerClient({
		fallback: true,
		apiEndpoint: hostname,
		port: Number(port),
		protocol: protocol.slice(0, -1),
		authClient,
	});
}

/** By the number that gRPC has for it, or HTTP's. */
const isNotFound = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && (cause.code === 5 || cause.code === 404);

/** By the second a cluster's RBAC knows a service account by its e-mail address: without it, by its number alone. */
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/userinfo.email'] as const;
const MAX_DETAIL = 500;

/** The words alone: the error holds the request, with its token. */
const describeError = (cause: unknown): string => bounded(redact(cause instanceof Error ? cause.message : String(cause)), MAX_DETAIL);
