import { C1_CLIENT_VARIABLES, INVOKED_CLIENT_VARIABLES } from "../../config/client_variables.ts";

/** The sources of the server and the credentials, for the help. */
export const CONNECTION_HELP = [
  "Server and credentials, by precedence:",
  "  --profile: profile of invoked login",
  ...Object.entries({ ...INVOKED_CLIENT_VARIABLES, ...C1_CLIENT_VARIABLES })
    .map(([name, meaning]) => `  ${name}: ${meaning}`),
  "  credentials.json in --data",
  "  INVOKED_PROFILE: profile of invoked login",
  "  credentials.json in INVOKED_DATA, or in .invoked of this folder or the nearest folder above",
  "  the profile default",
  "--server takes precedence over variables that name a server; the credentials must belong to that server",
].join("\n");
