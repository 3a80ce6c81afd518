import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type DatabaseUrl, databaseUrl } from "../../config/mod.ts";
import { addExamples } from "../options/common_options.ts";
import { Failure, UsageFailure } from "../terminal/failure.ts";

/** A name of Kubernetes: a label of a host name. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** The one port of PostgreSQL that deploy/kubernetes/base/network.yaml lets API nodes reach. */
const DATABASE_PORT = 5432;

interface Options {
  readonly namespace: string;
  readonly database?: string;
  readonly databaseCa?: string;
  readonly demo?: true;
}

/** `invoked cluster secrets`: prints the Secrets and the ConfigMap of deploy/kubernetes. */
export function registerSecrets(command: Command): void {
  command.argument("<directory>", "What invoked cluster credentials made")
    .option("--namespace <name>", "Namespace of the pods", parseNamespace, "invoked")
    .option("--database <url>", "URL of PostgreSQL; postgres.password has its password")
    .option("--database-ca <file>", "CA certificate of PostgreSQL in PEM [default public CAs]")
    .addOption(
      new Option("--demo", "Use the PostgreSQL of deploy/kubernetes/demo")
        .conflicts(["database", "databaseCa"]),
    );
  addExamples(
    command,
    "invoked cluster secrets ./made --database 'postgres://invoked@db.example/invoked'",
    "invoked cluster secrets ./made --demo | kubectl apply -f -",
  );
  command.action(async (directory: string, options: Options) => {
    const { CA_DIRECTORY, DATABASE_CA, kubernetesSecrets, UnusableCredentials } = await import(
      "../../compose/kubernetes_secrets.ts"
    );
    const { namespace, databaseCa, demo } = options;
    const ca = databaseCa === undefined ? undefined : {
      text: await readCa(databaseCa),
      path: `${CA_DIRECTORY}/${DATABASE_CA}`,
    };
    const database = demo
      ? undefined
      : { url: parseDatabase(options.database, ca?.path), ca: ca?.text };
    try {
      const list = await kubernetesSecrets(directory, { namespace, database });
      console.log(JSON.stringify(list, null, 2));
    } catch (error) {
      if (error instanceof UnusableCredentials) throw new Failure(error.message);
      throw error;
    }
  });
}

function parseNamespace(text: string): string {
  if (NAMESPACE.test(text)) return text;
  throw new InvalidArgumentError("It must have 1 to 63 lowercase letters, digits and dashes.");
}

/** The text of a file with certificates. */
async function readCa(file: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  try {
    const text = await readFile(file, "utf8");
    new X509Certificate(text);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(
      `--database-ca: ${file} is not a readable certificate in PEM: ${reason}`,
      "name the file of the CA certificate",
    );
  }
}

/** A URL that pods can use. @param caPath in a pod */
function parseDatabase(text: string | undefined, caPath: string | undefined): DatabaseUrl {
  if (text === undefined) {
    throw invalid(
      "arguments: no PostgreSQL",
      "name PostgreSQL with --database URL, or give --demo",
    );
  }
  const separator = text.includes("?") ? "&" : "?";
  const full = caPath === undefined ? text : `${text}${separator}sslrootcert=${caPath}`;
  const kind = databaseUrl();
  const url = kind.parse(full);
  if (url === undefined) {
    throw invalid(
      `--database: ${kind.violation?.(full) ?? "it is no URL of PostgreSQL"}`,
      `give ${kind.accepts}`,
    );
  }
  const { password, servers, sslRootCert, sslCert } = url.fields;
  if (password !== undefined) {
    throw invalid("--database: it has a password", "write the password to postgres.password");
  }
  for (const { host, port } of servers) {
    if (host.startsWith("/")) {
      throw invalid(`--database: pods cannot reach the socket ${host}`, "name a host");
    }
    if (port !== DATABASE_PORT) {
      const rule = `network.yaml of the manifests allows port ${DATABASE_PORT} alone`;
      throw invalid(
        `--database: its port is ${port}, but ${rule}`,
        `serve PostgreSQL at port ${DATABASE_PORT}`,
      );
    }
  }
  if (sslRootCert !== caPath) {
    throw invalid("--database: pods do not have its sslrootcert", "give the file as --database-ca");
  }
  if (sslCert !== undefined) {
    throw invalid("--database: pods do not have its sslcert and sslkey", "use the password alone");
  }
  return url;
}

function invalid(value: string, next: string): Failure {
  return new UsageFailure(`Invalid ${value}`, { next });
}
