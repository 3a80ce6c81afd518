/** The operations of the namespaces in `trigger_methods.ts`. */
import type { OperationSpec } from "./operation_spec.ts";
import type { DeadLetters, Invocations, Triggers } from "./trigger_methods.ts";

const OF_FUNCTION = { functionId: "function_id" };
const IN_FUNCTION = { functionId: "function_id", id: "id" };
const TRIGGER = { trigger: "itself" } as const;
const LIST = { list: "each" } as const;

/** The operation of each method. */
export const triggers = {
  list: {
    id: "invoked.TriggerService.ListTriggers",
    path: OF_FUNCTION,
    response: "listTriggersResponse",
    dated: LIST,
  },
  create: {
    id: "invoked.TriggerService.CreateTrigger",
    path: OF_FUNCTION,
    body: "createTriggerRequest",
    response: "createTriggerResponse",
    dated: TRIGGER,
  },
  apply: {
    id: "invoked.TriggerService.ApplyTriggers",
    path: OF_FUNCTION,
    body: "applyTriggersRequest",
    response: "applyTriggersResponse",
    dated: LIST,
  },
  get: {
    id: "invoked.TriggerService.GetTrigger",
    path: IN_FUNCTION,
    response: "getTriggerResponse",
    dated: TRIGGER,
  },
  update: {
    id: "invoked.TriggerService.UpdateTrigger",
    path: IN_FUNCTION,
    body: "updateTriggerRequest",
    response: "updateTriggerResponse",
    dated: TRIGGER,
  },
  delete: {
    id: "invoked.TriggerService.DeleteTrigger",
    path: IN_FUNCTION,
    response: "deleteTriggerResponse",
  },
  run: {
    id: "invoked.TriggerService.RunTrigger",
    path: IN_FUNCTION,
    response: "runTriggerResponse",
  },
  rotateSecret: {
    id: "invoked.TriggerService.RotateSecret",
    path: IN_FUNCTION,
    body: "rotateSecretRequest",
    response: "rotateSecretResponse",
  },
  listDeliveries: {
    id: "invoked.TriggerService.ListDeliveries",
    path: IN_FUNCTION,
    response: "listDeliveriesResponse",
  },
} as const satisfies { readonly [Method in keyof Triggers]: OperationSpec };

/** The operation of each method. */
export const deadLetters = {
  list: {
    id: "invoked.DeadLetterService.List",
    path: OF_FUNCTION,
    response: "listDeadLettersResponse",
  },
  get: {
    id: "invoked.DeadLetterService.Get",
    path: IN_FUNCTION,
    response: "getDeadLetterResponse",
  },
  replay: {
    id: "invoked.DeadLetterService.Replay",
    path: IN_FUNCTION,
    body: "replayRequest",
    response: "replayResponse",
  },
  replayMany: {
    id: "invoked.DeadLetterService.BulkReplay",
    path: OF_FUNCTION,
    body: "bulkRequest",
    response: "bulkResponse",
  },
  dropMany: {
    id: "invoked.DeadLetterService.BulkDrop",
    path: OF_FUNCTION,
    body: "bulkRequest",
    response: "bulkResponse",
  },
  drop: {
    id: "invoked.DeadLetterService.Drop",
    path: IN_FUNCTION,
    response: "dropResponse",
  },
} as const satisfies { readonly [Method in keyof DeadLetters]: OperationSpec };

/** The operation of each method. */
export const invocations = {
  get: {
    id: "invoked.InvocationService.Get",
    path: { id: "id" },
    response: "getInvocationResponse",
    dated: { invocation: "itself" },
  },
  search: {
    id: "invoked.InvocationSearchService.Search",
    body: true,
    response: "invocationSearchResponse",
    dated: LIST,
  },
  replay: {
    id: "invoked.InvocationService.Replay",
    path: IN_FUNCTION,
    body: "replayRequest",
    response: "replayResponse",
  },
  replayMany: {
    id: "invoked.InvocationService.BulkReplay",
    path: OF_FUNCTION,
    body: "bulkRequest",
    response: "bulkResponse",
  },
  cancelMany: {
    id: "invoked.InvocationService.BulkCancel",
    path: OF_FUNCTION,
    body: "bulkRequest",
    response: "bulkResponse",
  },
} as const satisfies { readonly [Method in keyof Invocations]: OperationSpec };
