import type { Operation } from "../operation.ts";
import { createClient } from "./create_client.ts";
import { deleteClient } from "./delete_client.ts";
import { getClient } from "./get_client.ts";
import { listClients } from "./list_clients.ts";
import { updateClient } from "./update_client.ts";

/** Make, read, change and delete the clients of a principal. */
export const CLIENT_OPERATIONS: readonly Operation[] = [
  listClients,
  createClient,
  getClient,
  updateClient,
  deleteClient,
];
