import type { Operation } from "../operation.ts";
import { answerCapabilityHandshake, answerHandshake } from "./answer_handshake.ts";
import { applyTriggers } from "./apply_triggers.ts";
import { createTrigger } from "./create_trigger.ts";
import { deleteTrigger } from "./delete_trigger.ts";
import { getTrigger } from "./get_trigger.ts";
import { listDeliveries } from "./list_deliveries.ts";
import { listTriggers } from "./list_triggers.ts";
import { receiveCapability, receiveDelivery } from "./receive_delivery.ts";
import { rotateSecret } from "./rotate_secret.ts";
import { runTrigger } from "./run_trigger.ts";
import { updateTrigger } from "./update_trigger.ts";

/** Make, read, change and delete triggers. */
export const TRIGGER_OPERATIONS: readonly Operation[] = [
  listTriggers,
  createTrigger,
  applyTriggers,
  getTrigger,
  updateTrigger,
  deleteTrigger,
  rotateSecret,
  runTrigger,
  listDeliveries,
  receiveDelivery,
  receiveCapability,
  answerHandshake,
  answerCapabilityHandshake,
];
