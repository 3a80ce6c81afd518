import type { Operation } from "../operation.ts";
import { checkFunction } from "./check_function.ts";
import { createFunction } from "./create_function.ts";
import { deleteFunction } from "./delete_function.ts";
import { clearCircuitBreaker } from "./clear_circuit_breaker.ts";
import { getSdkTypes, resolveTypes } from "../commits/get_types.ts";
import { getFunction } from "./get_function.ts";
import { listFunctions } from "./list_functions.ts";
import { listPublishes } from "./list_publishes.ts";
import { listPurges } from "./list_purges.ts";
import { purgeFunction } from "./purge_function.ts";
import { getFunctionStatistics, getStatistics } from "./statistics.ts";
import { rollBackFunction } from "./roll_back.ts";
import { searchFunctions } from "./search_functions.ts";
import { updateFunction } from "./update_function.ts";

/** Create, read, find, change and delete functions. */
export const FUNCTION_OPERATIONS: readonly Operation[] = [
  listFunctions,
  createFunction,
  checkFunction,
  updateFunction,
  searchFunctions,
  getStatistics,
  getSdkTypes,
  resolveTypes,
  getFunction,
  deleteFunction,
  listPublishes,
  rollBackFunction,
  purgeFunction,
  listPurges,
  clearCircuitBreaker,
  getFunctionStatistics,
];
