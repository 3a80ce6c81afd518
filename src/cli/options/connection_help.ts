import { CLIENT_VARIABLES } from "../../config/client_variables.ts";

/** The sources of the server and the credentials, for the help. */
export const CONNECTION_HELP = [
  "Server and credentials, by precedence:",
  "  --server: URL of the server",
  ...Object.entries(CLIENT_VARIABLES).map(([name, meaning]) => `  ${name}: ${meaning}`),
  "  credentials.json in --data, or in .invoked of this folder or the nearest folder above",
].join("\n");
