/** The types of a tenant's namespaces, for the type check of a commit and for editors. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import ts from "typescript";
import { sdkTypes } from "../../src/builder/mod.ts";
import { openBuilder, typeErrors } from "../builder/support.ts";

/** Calls in the form of C1's documentation. */
const MAIN = `import { type JSONObject, sdk, type shared } from "@c1/functions-sdk";

const names = (apps: readonly shared.App[] = []): string[] => apps.map((app) => app.displayName ?? "");

export default async function main(input: JSONObject): Promise<JSONObject> {
  const { listAppsResponse } = await sdk.apps.list({ pageSize: 10 });
  const user = (await sdk.user.get({ id: String(input.id) })).userServiceGetResponse?.userView?.user;
  let found = 0;
  for await (const page of await sdk.appSearch.search({ query: "git" })) {
    found += page.searchAppsResponse?.list?.length ?? 0;
  }
  const tasks = await sdk.taskSearch.search({ taskTypes: [{ grant: {} }], createdAfter: new Date() });
  const [view] = tasks.taskSearchResponse?.list ?? [];
  const hook = await sdk.hooks.create({ displayName: "x", hookFunctionRef: { functionId: "f" } });
  await sdk.apps.delete({ id: "app-1" }, { timeoutMs: 1000, retries: { strategy: "none" } });
  await sdk.apps.update({ id: "app-1", updateAppRequest: { app: { description: null }, updateMask: "description" } });
  for (let pageToken: string | null | undefined; pageToken !== "";) {
    pageToken = (await sdk.user.list({ pageToken })).userServiceListResponse?.nextPageToken ?? "";
  }
  await sdk.apps.list({}, { fetchOptions: { signal: AbortSignal.timeout(1000) }, headers: {} });
  return {
    found,
    names: names(listAppsResponse?.list ?? []),
    title: user?.jobTitle ?? "",
    since: user?.createdAt?.getTime() ?? 0,
    at: view?.task?.createdAt?.toISOString() ?? "",
    priority: hook.hooksServiceCreateResponse?.hook?.priority ?? 0,
  };
}
`;

/** Lines that are errors, and the code of each. */
const WRONG = [
  ["sdk.apps.lst();", "TS2551"],
  ["sdk.apps.get({});", "TS2345"],
  ['sdk.apps.list({ pageSize: "10" });', "TS2322"],
  ['sdk.task.createGrantTask({ appEntitlementId: "a" });', "TS2345"],
  ["sdk.aps;", "TS2551"],
  ['sdk.apps.list({}, { timeoutMs: "5s" });', "TS2322"],
  // Ids of a path are never null, and answers can be.
  ["sdk.apps.get({ id: null });", "TS2322"],
  [
    "sdk.apps.list().then(({ listAppsResponse }) => listAppsResponse?.list?.map(({ id = '' }) => id.length));",
    "TS18047",
  ],
] as const;

Deno.test("a type check knows the methods and messages of a tenant", async () => {
  await using opened = await openBuilder();
  assert.deepEqual(await typeErrors(opened.builder, { "main.ts": MAIN }), []);
  const wrong = WRONG.map(([line]) => line).join("\n");
  const main = `import { sdk } from "@c1/functions-sdk";\nexport default () => ({});\n${wrong}\n`;
  const found = await typeErrors(opened.builder, { "main.ts": main });
  assert.deepEqual(
    found.map(({ line, message }) => [line, /^TS\d+/.exec(message)?.[0]]),
    WRONG.map(([, code], index) => [index + 3, code]),
  );
});

Deno.test("an editor has the methods and messages of a tenant", async () => {
  const types = await sdkTypes();
  const main = "/main.ts";
  const files = new Map(Array.from(types, ([path, text]) => [`/${path}`, text]));
  const service = ts.createLanguageService(hostOf(main, files));
  const diagnostics = () =>
    [...service.getSyntacticDiagnostics(main), ...service.getSemanticDiagnostics(main)]
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  files.set(main, MAIN);
  assert.deepEqual(diagnostics(), []);
  const tests = 'import { test } from "@c1/test";\ntest("a", ({ equal }) => { equal(1, 1); });\n';
  files.set(main, `${tests}test(1);\n`);
  assert.match(diagnostics().join(), /^Expected 2-3 arguments, but got 1\.$/);
  files.set(main, MAIN);
  const sent = [...types.keys()].filter((path) => path.endsWith("tenant_types.d.ts"));
  assert.deepEqual(sent, ["node_modules/@c1/functions-sdk/tenant_types.d.ts"]);
  const namesAfter = (text: string) =>
    service.getCompletionsAtPosition(main, MAIN.indexOf(text) + text.length, {})?.entries
      .map(({ name }) => name) ?? [];
  const namespaces = namesAfter("await sdk.");
  for (const name of ["apps", "task", "user", "functions"]) assert.ok(namespaces.includes(name));
  assert.deepEqual(namesAfter("await sdk.apps."), ["create", "delete", "get", "list", "update"]);
  assert.deepEqual(namesAfter("sdk.apps.list({ "), ["pageSize", "pageToken"]);
});

/** Files in memory beside the libraries of TypeScript, with the options of the console's editor. */
function hostOf(main: string, files: ReadonlyMap<string, string>): ts.LanguageServiceHost {
  const libraries = dirname(ts.getDefaultLibFilePath({}));
  const read = (path: string) =>
    files.get(path) ?? (path.startsWith(libraries) ? ts.sys.readFile(path) : undefined);
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.esnext.d.ts", "lib.webworker.d.ts", "lib.webworker.iterable.d.ts"],
    strict: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
  };
  return {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [main],
    getScriptVersion: (path) => read(path) ?? "",
    getScriptSnapshot: (path) => {
      const text = read(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => "/",
    getDefaultLibFileName: () => join(libraries, "lib.esnext.d.ts"),
    fileExists: (path) => read(path) !== undefined,
    readFile: read,
  };
}
