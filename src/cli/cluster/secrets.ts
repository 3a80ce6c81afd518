import { type Command, InvalidArgumentError } from "commander";
import { DatabaseUrl, databaseUrl } from "../../config/mod.ts";
import { addExamples } from "../options/common_options.ts";
import { Failure } from "../terminal/failure.ts";

/** A name of Kubernetes: a label of a host name. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

interface Options {
  readonly namespace: string;
  readonly database?: DatabaseUrl;
}

/** `invoked cluster secrets`: prints the Secrets and the ConfigMap of deploy/kubernetes. */
export function register(command: Command): void {
  command.argument("<directory>", "What invoked cluster credentials made")
    .option("--namespace <name>", "Namespace of the pods", parseNamespace, "invoked")
    .option(
      "--database <url>",
      "URL of another PostgreSQL than that of the manifests; postgres.password has its password",
      parseDatabase,
    );
  addExamples(
    command,
    "invoked cluster secrets ./made | kubectl apply -f -",
    "invoked cluster secrets ./made --database 'postgres://invoked@db.example/invoked'",
  );
  command.action(async (directory: string, { namespace, database }: Options) => {
    const { kubernetesSecrets, UnusableCredentials } = await import(
      "../../compose/kubernetes_secrets.ts"
    );
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

function parseDatabase(text: string): DatabaseUrl {
  const kind = databaseUrl();
  const url = kind.parse(text);
  if (url === undefined) throw new InvalidArgumentError(`It must be ${kind.accepts}.`);
  if (url.fields.password === undefined) return url;
  throw new InvalidArgumentError("Write the password to postgres.password, not into the URL.");
}
