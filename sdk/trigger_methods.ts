/** Namespaces of `sdk` for triggers and for what they start. All are additions of this server. */
import type { Answered, InFunction, Nothing, OfFunction } from "./api_request.ts";
import type {
  FunctionInvocation,
  InvocationView,
  PageOf,
  PageRequest,
  RequestOptions,
} from "./api_types.ts";
import type {
  DeadLetter,
  Delivery,
  InvocationFilter,
  ShownSecrets,
  Trigger,
} from "./trigger_types.ts";

/** The id of an invocation that was started. */
interface Started {
  invocationId?: string;
}

/** A secret that was made, and its trigger. */
interface SecretOfTrigger extends ShownSecrets {
  triggerId?: string;
}

/** Schedules, webhooks and endpoints of functions. */
export interface Triggers {
  list(
    request: OfFunction & PageRequest,
    options?: RequestOptions,
  ): Answered<"listTriggersResponse", PageOf<Trigger>>;
  create(
    request: OfFunction & { createTriggerRequest?: { trigger?: Trigger } },
    options?: RequestOptions,
  ): Answered<"createTriggerResponse", ShownSecrets & { trigger?: Trigger }>;
  /** Creates what has no `id`, deletes what has no `trigger`, changes what has both: all or none. */
  apply(
    request: OfFunction & {
      applyTriggersRequest?: {
        changes?: { id?: string; trigger?: Trigger; updateMask?: string }[];
        validateOnly?: boolean;
      };
    },
    options?: RequestOptions,
  ): Answered<"applyTriggersResponse", { list?: Trigger[]; secrets?: SecretOfTrigger[] }>;
  get(
    request: InFunction,
    options?: RequestOptions,
  ): Answered<"getTriggerResponse", { trigger?: Trigger }>;
  /** `updateMask` is such as `paused,schedule.cronSpec`. */
  update(
    request: InFunction & { updateTriggerRequest?: { trigger?: Trigger; updateMask?: string } },
    options?: RequestOptions,
  ): Answered<"updateTriggerResponse", ShownSecrets & { trigger?: Trigger }>;
  delete(request: InFunction, options?: RequestOptions): Answered<"deleteTriggerResponse", Nothing>;
  /** Starts the invocation of a schedule now. */
  run(request: InFunction, options?: RequestOptions): Answered<"runTriggerResponse", Started>;
  rotateSecret(
    request: InFunction & {
      rotateSecretRequest?: { secret?: string; expireOldAfter?: string };
    },
    options?: RequestOptions,
  ): Answered<"rotateSecretResponse", ShownSecrets>;
  listDeliveries(
    request: InFunction & PageRequest,
    options?: RequestOptions,
  ): Answered<"listDeliveriesResponse", PageOf<Delivery>>;
}

/** Invocations without further attempts. `functionId` may be `-` to list those of all functions. */
export interface DeadLetters {
  list(
    request: OfFunction & PageRequest & { errorWord?: string; query?: string },
    options?: RequestOptions,
  ): Answered<"listDeadLettersResponse", PageOf<DeadLetter>>;
  get(
    request: InFunction,
    options?: RequestOptions,
  ): Answered<"getDeadLetterResponse", { deadLetter?: DeadLetter }>;
  /** `json` is base64 of another input. */
  replay(
    request: InFunction & { replayRequest?: ReplayRequest },
    options?: RequestOptions,
  ): Answered<"replayResponse", Started>;
  replayMany(
    request: OfFunction & { bulkRequest?: BulkRequest },
    options?: RequestOptions,
  ): Answered<"bulkResponse", BulkResponse>;
  dropMany(
    request: OfFunction & { bulkRequest?: BulkRequest },
    options?: RequestOptions,
  ): Answered<"bulkResponse", BulkResponse>;
  drop(request: InFunction, options?: RequestOptions): Answered<"dropResponse", Nothing>;
}

interface ReplayRequest {
  json?: string;
  commitId?: string;
}

interface BulkRequest {
  filter?: InvocationFilter;
  /** Only counts. */
  dryRun?: boolean;
}

interface BulkResponse {
  count?: number;
  /** That could not be replayed, cancelled or dropped. */
  skipped?: number;
}

/** Invocations, whatever their function. `functionId` may be `-` for all functions. */
export interface Invocations {
  get(
    request: { id: string },
    options?: RequestOptions,
  ): Answered<"getInvocationResponse", { invocation?: FunctionInvocation }>;
  search(
    request?: InvocationFilter & PageRequest & { view?: InvocationView },
    options?: RequestOptions,
  ): Answered<"invocationSearchResponse", PageOf<FunctionInvocation>>;
  /** `json` is base64 of another input. */
  replay(
    request: InFunction & { replayRequest?: ReplayRequest },
    options?: RequestOptions,
  ): Answered<"replayResponse", Started>;
  replayMany(
    request: OfFunction & { bulkRequest?: BulkRequest },
    options?: RequestOptions,
  ): Answered<"bulkResponse", BulkResponse>;
  cancelMany(
    request: OfFunction & { bulkRequest?: BulkRequest },
    options?: RequestOptions,
  ): Answered<"bulkResponse", BulkResponse>;
}
