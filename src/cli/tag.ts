import type { Command } from "commander";
import { findCommit } from "./client/find.ts";
import { Failure } from "./terminal/failure.ts";
import { printJson, printTable, showTime } from "./terminal/output.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import {
  COMMIT_HELP,
  FUNCTION_ARGUMENT,
  FUNCTION_HELP,
  functionOf,
} from "./options/function_argument.ts";
import { addServerOptions } from "./options/server_options.ts";

interface Options {
  readonly delete?: true;
  readonly json?: true;
}

/** `invoked tag`: lists, creates and deletes tags. */
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[tag]", "Name of the tag")
    .argument("[commit]", COMMIT_HELP)
    .option("--delete", "Delete the tag, not the commit");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(
    command,
    "invoked tag hello",
    "invoked tag hello v1",
    "invoked tag hello v1 --delete",
  );
  command.action(
    async (
      functionName: string | undefined,
      name: string | undefined,
      commit = "HEAD",
      options: Options,
    ) => {
      using api = await server.connect();
      const fn = await functionOf(api, functionName);
      if (name === undefined && options.delete) {
        throw new Failure("Missing argument: --delete needs the name of a tag", {
          next: "write invoked tag FUNCTION TAG --delete",
          exit: "usage",
        });
      }
      if (name === undefined) return listTags(await api.tags(fn), options);
      if (options.delete) {
        await api.deleteTag(fn, name);
        return report({ name, deleted: true }, `Deleted tag ${name}`, options);
      }
      const { id } = (await api.commit(fn, await findCommit(api, fn, commit))).commit;
      await api.createTag(fn, name, id);
      report({ name, commitId: id }, `Tagged ${id} as ${name}`, options);
    },
  );
}

function listTags(
  tags: ReadonlyMap<string, { id: string; createdAt: string | undefined; message: string }>,
  { json }: Options,
): void {
  const rows = [...tags].map(([name, { id, createdAt, message }]) => ({
    name,
    commitId: id,
    createdAt,
    message,
  }));
  if (json) return printJson(rows);
  printTable(
    ["TAG", "COMMIT", "CREATED", "MESSAGE"],
    rows.map((row) => [row.name, row.commitId, showTime(row.createdAt), row.message]),
    "No tags",
  );
}

function report(result: unknown, words: string, { json }: Options): void {
  if (json) printJson(result);
  else console.log(words);
}
