/** Renders `sdk/api_operations.ts`: the operation of each method of `sdk`, from the OpenAPI document. */
import type { OperationSpec } from "../sdk/operation_spec.ts";
import { OPERATIONS } from "../src/api/mod.ts";
import { openApiDocument } from "../src/http/openapi.ts";
import { answererOf, findOperation } from "../src/tenants/operations.ts";

/** The namespaces of `sdk` by service. Functions cannot call the other services. */
const NAMESPACES: Readonly<Record<string, string>> = {
  "c1.api.auth.v1.Auth": "auth",
  "c1.api.functions.v1.FunctionsService": "functions",
  "invoked.FunctionService": "functions",
  "invoked.TagService": "functions",
  "c1.api.functions.v1.FunctionsInvocationService": "functionsInvocation",
  "c1.api.functions.v1.FunctionsInvocationSearchService": "functionsInvocationSearch",
  "c1.api.functions.v1.FunctionsSearch": "functionsSearch",
  "c1.api.service_principal.v1.ServicePrincipalService": "principal",
  "invoked.ServicePrincipalService": "principal",
  "c1.api.iam.v1.Roles": "roles",
  "invoked.RoleService": "roles",
  "c1.api.systemlog.v1.SystemLogService": "systemLog",
  "invoked.AuditService": "systemLog",
  "c1.api.systemlog.v1.ExportService": "export",
  "c1.api.systemlog.v1.ExportsSearchService": "exportsSearch",
  "invoked.TriggerService": "triggers",
  "invoked.DeadLetterService": "deadLetters",
  "invoked.InvocationService": "invocations",
  "invoked.InvocationSearchService": "invocations",
  "invoked.StatisticsService": "statistics",
  "invoked.UsageService": "usage",
  "invoked.ServerService": "server",
  "c1.api.user.v1.UserService": "user",
  "invoked.UserService": "user",
  "c1.api.user.v1.UserSearch": "userSearch",
};

/** What does not follow from the document; the message begins the names of the fields that are request and response. */
type Override = Partial<Record<"namespace" | "method" | "message", string>>;
const OVERRIDES: Readonly<Record<string, Override>> = {
  "invoked.AlertService.List": {
    namespace: "server",
    method: "listAlerts",
    message: "listAlerts",
  },
  "c1.api.iam.v1.Roles.Get": { message: "getRoles" },
  "c1.api.iam.v1.Roles.List": { message: "listRoles" },
  "invoked.AuditService.Verify": { message: "verifyAuditLog" },
  "invoked.DeadLetterService.Get": { message: "getDeadLetter" },
  "invoked.DeadLetterService.List": { message: "listDeadLetters" },
  "invoked.InvocationService.Cancel": { namespace: "functionsInvocation" },
  "invoked.InvocationService.Get": { message: "getInvocation" },
  "invoked.InvocationService.ListLogs": { namespace: "functionsInvocation" },
  "invoked.RoleService.Delete": { message: "deleteRole" },
  "invoked.StatisticsService.Get": { message: "getStatistics" },
  "invoked.StatisticsService.GetOfFunction": { message: "getFunctionStatistics" },
  "invoked.TagService.DeleteTag": { method: "deleteTag" },
  "c1.api.user.v1.UserSearch.Search": { message: "searchUsers" },
  "invoked.UsageService.List": { message: "listUsage" },
  "invoked.UserService.Delete": { message: "deleteUser" },
  "invoked.UserService.ListSessions": { message: "listUserSessions" },
  "invoked.UserService.RevokeSession": { message: "revokeUserSession" },
  "invoked.UserService.SetRoles": { message: "setUserRoles" },
  "invoked.UserService.Update": { message: "updateUser" },
};

/** Operations whose answers C1's SDK pages. */
const PAGED = ["c1.api.user.v1.UserSearch.Search"];

/** Methods whose fields have no second name, although C1's SDK has one. */
const NOT_RENAMED = ["createFunction", "updateFunction"];

/** Methods of `sdk.functions` under the names that they had before C1's, and their operations. */
const EARLIER_NAMES: Readonly<Record<string, string>> = {
  commit: "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
  finalizeCommit: "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
  getCommit: "c1.api.functions.v1.FunctionsService.GetCommitContent",
  getLockfile: "c1.api.functions.v1.FunctionsService.GetLockFile",
};
export const EARLIER_METHODS: readonly string[] = Object.keys(EARLIER_NAMES);

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly format?: string;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Message {
  readonly content?: { readonly "application/json"?: { readonly schema: Schema } };
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: Message;
  readonly responses: { readonly 200?: Message };
}

const { paths, components }: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
} = JSON.parse(JSON.stringify(openApiDocument(OPERATIONS, "0.0.0")));

/** The operation of each method, by namespace. */
export function sdkOperations(): Record<string, Record<string, OperationSpec>> {
  const specs: Record<string, Record<string, OperationSpec>> = Object.fromEntries(
    Object.values(NAMESPACES).map((namespace) => [namespace, {}]),
  );
  const byId = new Map(
    Object.values(paths).flatMap(Object.values<Operation>).map((each) => [each.operationId, each]),
  );
  const add = (id: string, override: Override = {}) => {
    const [, service = "", name = ""] = /^(.*)\.(\w+)$/.exec(id) ?? [];
    const { namespace = NAMESPACES[service], method = methodOf(service, name) } = override;
    const [operation, methods] = [byId.get(id), specs[namespace ?? ""]];
    if (operation === undefined) throw new Error(`The API has no operation ${id}`);
    if (methods === undefined || schemaOf(operation.responses[200]) === undefined) return;
    const message = override.message ?? messageOf(operation, service, name);
    const spec = specOf(operation, method, message);
    const isOfTenant = namespace !== undefined && answererOf(namespace) === "either" &&
      findOperation(namespace, method) !== undefined;
    methods[method] = isOfTenant ? { ...spec, isOfTenant } : spec;
  };
  for (const { operationId } of OPERATIONS) add(operationId, OVERRIDES[operationId]);
  for (const [method, id] of Object.entries(EARLIER_NAMES)) {
    add(id, { method, message: `functionsService${method[0]?.toUpperCase()}${method.slice(1)}` });
  }
  return specs;
}

function specOf(operation: Operation, method: string, message: string): OperationSpec {
  const { operationId: id, parameters = [], requestBody, responses } = operation;
  const ofPath = parameters.filter((parameter) => parameter.in === "path");
  const path = ofPath.map(({ name }) => camelCase(name));
  const hasBody = isOfC1(id) || membersOf(schemaOf(requestBody)).length > 0;
  const fields = membersOf(schemaOf(responses[200]));
  const renamed = isOfC1(id) && !NOT_RENAMED.includes(method)
    ? fields.flatMap(([field, schema]) => {
      const name = nameOf(schema.allOf?.[0] ?? schema);
      const other = lowerFirst(name.split(".").at(-1) ?? "");
      return isOfC1(name) && other !== field ? [[field, other]] : [];
    })
    : [];
  const dated = fields.flatMap(([field, schema]) => datedPaths(field, schema, 1));
  return {
    id,
    ...ofPath.length === 0 ? {} : { path },
    ...requestBody === undefined || !hasBody
      ? {}
      : { body: ofPath.length === 0 ? true : `${message}Request` },
    response: `${message}Response`,
    ...renamed.length === 0 ? {} : { renamed: Object.fromEntries(renamed) },
    ...dated.length === 0 ? {} : { dated: dated.join(" ") },
    ...PAGED.includes(id) ? { isPaged: true } : {},
  };
}

/** `ListTriggers` of the triggers is `list`, and `BulkReplay` is `replayMany`. */
function methodOf(service: string, name: string): string {
  if (isOfC1(service)) return lowerFirst(name);
  const noun = service.replace(/^invoked\.|Service$/g, "");
  const short = name.replace(new RegExp(`(?<=.)${noun}s?$`), "");
  return lowerFirst(short.replace(/^Bulk(\w+)$/, "$1Many"));
}

/** The name that request and response have in the document; otherwise as C1's SDK names them. */
function messageOf(operation: Operation, service: string, name: string): string {
  for (const message of [operation.requestBody, operation.responses[200]]) {
    const [, found] = /(\w+)(?:Request|Response)$/.exec(nameOf(schemaOf(message) ?? {})) ?? [];
    if (found !== undefined) return lowerFirst(found);
  }
  return lowerFirst(isOfC1(service) ? `${service.split(".").at(-1)}${name}` : name);
}

function schemaOf(message: Message | undefined): Schema | undefined {
  return message?.content?.["application/json"]?.schema;
}

function nameOf({ $ref = "" }: Schema): string {
  return $ref.replace(/^.*\//, "");
}

function resolved(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : components.schemas[nameOf(schema)] ?? {};
}

/** The fields of an object, including inherited fields. */
function membersOf(schema: Schema = {}): (readonly [string, Schema])[] {
  const { allOf = [], properties = {} } = resolved(schema);
  return [...allOf.flatMap(membersOf), ...Object.entries(properties)];
}

/** The objects of a field that have times; views have them one level deeper. */
function datedPaths(path: string, schema: Schema, deeper: number): readonly string[] {
  const { items, additionalProperties } = resolved(schema);
  const member = items ?? additionalProperties;
  const of = member ?? schema;
  const at = member === undefined ? path : `${path}.*`;
  if (hasTime(of)) return [at];
  if (deeper === 0) return [];
  return membersOf(of).flatMap(([name, inner]) => datedPaths(`${at}.${name}`, inner, deeper - 1));
}

function hasTime(schema: Schema | undefined): boolean {
  return membersOf(schema).some(([, field]) => resolved(field).format === "date-time");
}

function isOfC1(id: string): boolean {
  return id.startsWith("c1.");
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}

/** `sdk/api_operations.ts`. */
export function renderSdkOperations(): string {
  const namespaces = Object.entries(sdkOperations()).map(([namespace, methods]) => {
    const lines = Object.entries(methods).map(([method, spec]) =>
      `    ${method}: ${literal(spec)},`
    );
    return `  ${namespace}: {\n${lines.join("\n")}\n  },\n`;
  });
  return `${INTRODUCTION}export const OPERATIONS = {\n${namespaces.join("")}}${END}`;
}

/** The source text of a value whose texts are words. */
function literal(value: object): string {
  return JSON.stringify(value).replace(/"(\w+)":/g, "$1: ").replace(/([{,])/g, "$1 ")
    .replaceAll("}", " }");
}

const INTRODUCTION =
  `// Generated by \`deno task docs\` from the operations in src/api; do not edit.
// deno-fmt-ignore-file
import type { OwnNamespaces } from "./api.ts";
import type { SpecsOf } from "./operation_spec.ts";

/** By namespace and method. Literals alone, so that a function that does not use \`sdk\` is built without them. */
`;
const END =
  ` as const satisfies { readonly [Namespace in keyof OwnNamespaces]: SpecsOf<OwnNamespaces[Namespace]> };\n`;
