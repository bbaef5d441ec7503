import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { shapeTree, type Tree } from './tree.ts';

/** What is used of the package `@fivetrandevelopers/zetasql`, which the root does not install: so no types of it are here. */
interface Package {
	readonly ZetaSQLClient: { init(port: number): void; getInstance(): Client };
}

interface Client {
	testConnection(): Promise<boolean>;
	getLanguageOptions(request: object): Promise<LanguageOptions>;
	analyze(request: object): Promise<{ readonly resolvedStatement: unknown; readonly resumeBytePosition: number }>;
}

interface LanguageOptions {
	readonly enabledLanguageFeatures: readonly number[];
}

const PACKAGE = '@fivetrandevelopers/zetasql';
/** GoogleSQL's numbers: the types that BigQuery has, and messages that end in a line and column. */
const EXTERNAL = 1;
const WITH_LINE = 1;
const START_MS = 20_000;

/** Of GoogleSQL, but not of BigQuery's documentation: a file that uses one would be refused there. */
const NOT_IN_BIGQUERY = [
	'FEATURE_TIMESTAMP_NANOS',
	'FEATURE_EXPERIMENTAL_MODULES',
	'FEATURE_V_1_3_ALLOW_SLASH_PATHS',
	'FEATURE_V_1_3_FILTER_FIELDS',
	'FEATURE_V_1_3_INLINE_LAMBDA_ARGUMENT',
	'FEATURE_V_1_3_REPLACE_FIELDS',
	'FEATURE_V_1_3_UNNEST_AND_FLATTEN_ARRAYS',
	'FEATURE_V_1_3_WITH_GROUP_ROWS',
];

export interface Analysis {
	/** A SimpleCatalogProto without its functions. */
	readonly catalog: object;
	/** Type kinds by name of a named parameter. */
	readonly parameters: Readonly<Record<string, number>>;
}

export interface Analyser {
	/** The resolved statements of a text, one or, separated by semicolons, several. Rejects with GoogleSQL's own message. */
	analyse(sql: string, analysis: Analysis): Promise<Tree[]>;
	stop(): void;
}

/** Where the package is not installed, or has no server for this machine: what to do. */
export function missing(): string | undefined {
	try {
		return existsSync(findServer()) ? undefined : `GoogleSQL's server is built for Linux and macOS, and this is ${process.platform}`;
	} catch {
		return 'run `npm ci --prefix test/analyser` first (340 MB)';
	}
}

const load = createRequire(import.meta.url);

function findServer(): string {
	const suffix = `${process.arch === 'arm64' ? '_arm' : ''}${process.platform === 'darwin' ? '' : '.so'}`;
	return join(dirname(load.resolve(PACKAGE)), 'zetasql', `remote_server${process.platform === 'win32' ? '.exe' : suffix}`);
}

/** Starts GoogleSQL's server on loopback. Rejects where it does not come up. */
export async function startAnalyser(): Promise<Analyser> {
	// The client goes through a proxy of the environment otherwise.
	process.env['no_grpc_proxy'] = 'localhost';
	const port = await findPort();
	const child = spawn(findServer(), ['localhost', String(port)], { stdio: 'ignore', env: {} });
	const stop = (): void => void child.kill('SIGKILL');
	process.once('exit', stop);
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
	try {
		const { ZetaSQLClient } = load(PACKAGE) as Package;
		ZetaSQLClient.init(port);
		const client = ZetaSQLClient.getInstance();
		await within(START_MS, child, client.testConnection());
		const languageOptions = await likeBigQuery(client);
		return { stop, analyse: (sql, analysis) => analyseAll(sql, { client, languageOptions, ...analysis }) };
	} catch (error) {
		stop();
		throw error;
	}
}

async function within(ms: number, child: ChildProcess, connected: Promise<boolean>): Promise<void> {
	const { promise, reject } = Promise.withResolvers<never>();
	child.once('error', reject);
	child.once('exit', (code, signal) => reject(new Error(`GoogleSQL's server ended with ${signal ?? code}`)));
	const timer = setTimeout(() => reject(new Error(`GoogleSQL's server did not answer in ${ms} ms`)), ms);
	try {
		if (!(await Promise.race([connected, promise]))) throw new Error("GoogleSQL's server cannot be reached");
	} finally {
		clearTimeout(timer);
		promise.catch(() => {});
	}
}

async function likeBigQuery(client: Client): Promise<object> {
	const all = await client.getLanguageOptions({ maximumFeatures: true });
	const { LanguageFeature } = load(`${PACKAGE}/lib/types/zetasql/LanguageFeature`) as { LanguageFeature: Record<string, number> };
	const without = NOT_IN_BIGQUERY.map((name) => {
		const feature = LanguageFeature[name];
		if (feature === undefined) throw new Error(`GoogleSQL has no feature ${name}`);
		return feature;
	});
	const enabledLanguageFeatures = all.enabledLanguageFeatures.filter((feature) => !without.includes(feature));
	// An empty list of kinds allows every statement.
	return { ...all, enabledLanguageFeatures, productMode: EXTERNAL, supportedStatementKinds: [] };
}

async function analyseAll(sql: string, setting: Analysis & { client: Client; languageOptions: object }): Promise<Tree[]> {
	const { client, languageOptions, catalog, parameters } = setting;
	const text = sql.trimEnd();
	const end = Buffer.byteLength(text);
	const statements: Tree[] = [];
	for (let bytePosition = 0; bytePosition < end; ) {
		const { resolvedStatement, resumeBytePosition } = await client.analyze({
			simpleCatalog: { ...catalog, builtinFunctionOptions: { languageOptions } },
			descriptorPoolList: { definitions: [{ builtin: {} }] },
			options: {
				languageOptions,
				defaultTimezone: 'UTC',
				// All columns stay where they are: which of them are needed depends on who reads a view.
				pruneUnusedColumns: false,
				queryParameters: Object.entries(parameters).map(([name, typeKind]) => ({ name, type: { typeKind } })),
				errorMessageMode: WITH_LINE,
			},
			parseResumeLocation: { input: text, bytePosition, allowResume: true },
		});
		if (resumeBytePosition <= bytePosition) throw new Error(`the analyser stays at byte ${bytePosition}`);
		statements.push(shapeTree(resolvedStatement));
		bytePosition = resumeBytePosition;
	}
	return statements;
}

/** A port that was free a moment ago: the server cannot choose one by itself and say which. */
function findPort(): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const server = createServer();
	server.once('error', reject);
	server.listen(0, '127.0.0.1', () => {
		const address = server.address();
		server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
	});
	return promise;
}
