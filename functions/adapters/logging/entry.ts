/**
 * A LogEntry of the API's protobuf form as the JSON that a log sink publishes. An entry's identity is a hash of `logName`, `insertId` and
 * the timestamp's text, so an entry that is read from the API must have the text that the sink sent, or it would count twice.
 *
 * Public samples of published entries have their times in UTC with up to nine digits of a second and without zeros at their end
 * (`2020-07-22T07:32:55.17164028Z`), keys in alphabetical order, and no field that has its default value. Google documents that zeros "may be
 * omitted", not that they are: where a sink keeps them, one entry in ten that is both streamed and replayed would count twice. What `gcloud
 * logging read` prints keeps them (`…50.903492410Z`), so files of it are other entries than streamed ones.
 */
type Fields = Readonly<Record<string, unknown>>;

/** `json`: one LogEntry. `timestamp`: RFC 3339, as it stands there. */
export interface LogEntryText {
	readonly json: string;
	readonly timestamp: string;
}

/** Takes what the client decodes: 64-bit integers as text, enums by name, defaults filled in. */
export function toLogEntry(entry: unknown): LogEntryText {
	const fields = asFields(entry);
	const { jsonPayload, httpRequest, ...rest } = fields;
	const timestamp = timeOf(fields['timestamp']) ?? '';
	const plain: Record<string, unknown> = asFields(withoutDefaults(rest));
	const sent: Record<string, unknown> = {
		...plain,
		...(jsonPayload !== null && jsonPayload !== undefined && { jsonPayload: fromStruct(asFields(jsonPayload)) }),
		...(httpRequest !== null && httpRequest !== undefined && { httpRequest: requestOf(asFields(httpRequest)) }),
		...(timestamp !== '' && { timestamp }),
		...timeField('receiveTimestamp', fields['receiveTimestamp']),
	};
	// `payload` only says which of the payloads there is; DEFAULT is the severity of an entry without one.
	delete sent['payload'];
	if (sent['severity'] === 'DEFAULT') delete sent['severity'];
	return { json: JSON.stringify(sorted(sent)), timestamp };
}

const asFields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

const sorted = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));

const timeField = (name: string, value: unknown): Fields => {
	const time = timeOf(value);
	return time === undefined ? {} : { [name]: time };
};

/** `{seconds, nanos}` in RFC 3339. */
function timeOf(value: unknown): string | undefined {
	const { seconds, nanos } = asFields(value);
	if (seconds === undefined && nanos === undefined) return undefined;
	const second = new Date(Number(seconds ?? 0) * 1000).toISOString().slice(0, -'.000Z'.length);
	const fraction = String(nanos ?? 0)
		.padStart(9, '0')
		.replace(/0+$/, '');
	return fraction === '' ? `${second}Z` : `${second}.${fraction}Z`;
}

/** What a message says, without fields that have their default value: JSON leaves them out. */
function withoutDefaults(value: unknown): unknown {
	if (Array.isArray(value)) return value.length > 0 ? value.map((item) => withoutDefaults(item) ?? {}) : undefined;
	if (typeof value !== 'object' || value === null) return isDefault(value) ? undefined : value;
	if (Object.keys(value).length === 0) return undefined;
	const kept = Object.entries(value).flatMap(([key, member]) => {
		// A map's values are no fields: an empty one is there all the same.
		const left = key === 'labels' && Object.keys(asFields(member)).length > 0 ? member : withoutDefaults(member);
		if (left === '0' && INT64.has(key)) return [];
		return left === undefined ? [] : [[key, left] as const];
	});
	return Object.fromEntries(kept);
}

const isDefault = (value: unknown): boolean => value === null || value === undefined || value === '' || value === 0 || value === false;

/** Fields of a LogEntry that are 64-bit numbers, which come as text. (Of times and durations the text is made elsewhere.) */
const INT64: ReadonlySet<string> = new Set(['requestSize', 'responseSize', 'cacheFillBytes', 'line']);

function requestOf(request: Fields): Fields {
	const { latency, ...rest } = request;
	const { seconds = '0', nanos = 0 } = asFields(latency);
	const fraction = String(nanos).padStart(9, '0').replace(/0+$/, '');
	const text = `${seconds}${fraction === '' ? '' : `.${fraction}`}s`;
	return { ...asFields(withoutDefaults(rest)), ...(latency !== null && latency !== undefined && { latency: text }) };
}

/** A protobuf Struct as the object that it stands for. Here defaults are values like others. */
function fromStruct({ fields }: Fields): Fields {
	return Object.fromEntries(Object.entries(asFields(fields)).map(([key, value]) => [key, fromValue(asFields(value))]));
}

function fromValue(value: Fields): unknown {
	switch (value['kind']) {
		case 'structValue':
			return fromStruct(asFields(value['structValue']));
		case 'listValue':
			return ((asFields(value['listValue'])['values'] as unknown[] | undefined) ?? []).map((item) => fromValue(asFields(item)));
		case 'stringValue':
		case 'numberValue':
		case 'boolValue':
			return value[value['kind']];
		default:
			return null;
	}
}
