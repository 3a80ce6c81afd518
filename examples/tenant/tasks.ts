/** Tasks: requests for access, and their approval, which changes the grants. */
import { invalidField, notFound, TenantStatus } from "./errors.ts";
import type { ExampleClient } from "./clients.ts";
import type { Body } from "./filters.ts";
import type { Grant, Task, TaskTarget, TaskType, World } from "./forms.ts";
import { targetOf } from "./searches.ts";
import { exampleId, OPEN_TASK_ACTIONS } from "./world.ts";

/** Older tasks are dropped once there are more: a server keeps its example tenant in memory until it stops. */
export const TASKS_MAX = 1000;
const DESCRIPTION_CHARS_MAX = 4096;
const DURATION = /^\d{1,9}(?:\.\d{1,9})?s$/;

/** The task of an id, or of its number. @throws {TenantStatus} NOT_FOUND */
export function needTask(world: World, id: string): Task {
  const task = world.tasks.find((task) => task.id === id || task.numericId === id);
  if (task === undefined) throw notFound("task", id);
  return task;
}

/**
 * Opens a task that grants or revokes.
 * @throws {TenantStatus} for a request that names nothing, or contradicts itself
 */
export function openTask(
  world: World,
  kind: "grant" | "revoke",
  body: Body,
  { userId }: ExampleClient,
): Task {
  const target = targetIn(world, body);
  if (kind === "revoke" && !hasGrant(world, target)) {
    throw new TenantStatus(
      "FAILED_PRECONDITION",
      "NO_GRANT",
      `Account ${target.appUserId} does not have entitlement ${target.appEntitlementId}`,
    );
  }
  const number = 1 + Number(world.tasks[0]?.numericId ?? 0);
  const now = new Date().toISOString();
  const entitlement = world.entitlements.find(({ id }) => id === target.appEntitlementId);
  const duration = kind === "grant" ? durationIn(body) : undefined;
  const outcome = `${kind.toUpperCase()}_OUTCOME_UNSPECIFIED`;
  const type = typeOf(kind, {
    ...target,
    outcome,
    ...duration === undefined ? {} : { grantDuration: duration },
  });
  const task: Task = {
    id: exampleId("Task", number),
    numericId: String(number),
    displayName: `${kind === "grant" ? "Grant" : "Revoke"} ${entitlement?.displayName}`,
    description: descriptionIn(body),
    type,
    state: "TASK_STATE_OPEN",
    processing: "TASK_PROCESSING_TYPE_WAITING",
    origin: "TASK_ORIGIN_API",
    emergencyAccess: body.emergencyAccess === true,
    userId: target.identityUserId,
    createdByUserId: userId,
    stepApproverIds: [exampleId("User", 1)],
    approverIds: [],
    actions: OPEN_TASK_ACTIONS,
    commentCount: 0,
    createdAt: now,
    updatedAt: now,
  };
  world.tasks = [task, ...world.tasks.slice(0, TASKS_MAX - 1)];
  return task;
}

/** Closes a task; an approval changes the grants. @throws {TenantStatus} for a task that is closed */
export function closeTask(
  world: World,
  id: string,
  isApproved: boolean,
  { userId }: ExampleClient,
): Task {
  const task = needTask(world, id);
  if (task.state !== "TASK_STATE_OPEN") {
    throw new TenantStatus("FAILED_PRECONDITION", "TASK_CLOSED", `Task ${id} is closed`);
  }
  const now = new Date().toISOString();
  const kind = task.type.grant === undefined ? "revoke" : "grant";
  const result = isApproved ? kind === "grant" ? "GRANTED" : "REVOKED" : "DENIED";
  const target = targetOf(task);
  const closed: Task = {
    ...task,
    type: typeOf(kind, {
      ...target,
      outcome: `${kind.toUpperCase()}_OUTCOME_${result}`,
      outcomeTime: now,
    }),
    state: "TASK_STATE_CLOSED",
    processing: "TASK_PROCESSING_TYPE_DONE",
    approverIds: [userId],
    stepApproverIds: [],
    actions: [],
    updatedAt: now,
  };
  world.tasks = world.tasks.map((other) => other === task ? closed : other);
  if (isApproved) world.grants = grantsAfter(world, kind, target, closed);
  return closed;
}

function grantsAfter(
  world: World,
  kind: "grant" | "revoke",
  target: TaskTarget,
  { id, updatedAt }: Task,
): readonly Grant[] {
  const others = world.grants.filter((grant) => !isOf(grant, target));
  if (kind === "revoke" || target.appUserId === "") return others;
  const { appId, appEntitlementId, appUserId } = target;
  return [...others, { appId, appEntitlementId, appUserId, createdAt: updatedAt, taskId: id }];
}

function typeOf(kind: "grant" | "revoke", target: TaskTarget): TaskType {
  return kind === "grant" ? { grant: target } : { revoke: target };
}

/** The entitlement and the account, or the person, of a new task. */
function targetIn(world: World, body: Body): Omit<TaskTarget, "outcome"> {
  const appId = needText(body, "appId");
  const appEntitlementId = needText(body, "appEntitlementId");
  const appUserId = optionalText(body, "appUserId");
  const identityUserId = optionalText(body, "identityUserId");
  if (appUserId !== undefined && identityUserId !== undefined) {
    throw invalidField("appUserId", "it and identityUserId cannot both be set");
  }
  const entitlement = world.entitlements.find((found) =>
    found.appId === appId && found.id === appEntitlementId
  );
  if (entitlement === undefined) throw notFound(`entitlement of app ${appId}`, appEntitlementId);
  const target = { appId, appEntitlementId };
  const accounts = world.appUsers.filter((account) => account.appId === appId);
  if (appUserId !== undefined) {
    const account = accounts.find(({ id }) => id === appUserId);
    if (account === undefined) throw notFound(`account of app ${appId}`, appUserId);
    return { ...target, appUserId, identityUserId: account.identityUserId };
  }
  if (identityUserId === undefined) {
    throw invalidField("appUserId", "it or identityUserId must be set");
  }
  if (!world.users.some(({ id }) => id === identityUserId)) throw notFound("user", identityUserId);
  const account = accounts.find((found) => found.identityUserId === identityUserId);
  return { ...target, appUserId: account?.id ?? "", identityUserId };
}

function hasGrant(world: World, target: Omit<TaskTarget, "outcome">): boolean {
  return world.grants.some((grant) => isOf(grant, target));
}

function isOf(grant: Grant, target: Omit<TaskTarget, "outcome">): boolean {
  return grant.appEntitlementId === target.appEntitlementId &&
    grant.appUserId === target.appUserId;
}

function durationIn(body: Body): string | undefined {
  const duration = optionalText(body, "grantDuration");
  if (duration !== undefined && !DURATION.test(duration)) {
    throw invalidField(
      "grantDuration",
      `${JSON.stringify(duration)} is no duration such as "3600s"`,
    );
  }
  return duration;
}

function descriptionIn(body: Body): string {
  const text = optionalText(body, "description") ?? "";
  if (text.length <= DESCRIPTION_CHARS_MAX) return text;
  throw invalidField(
    "description",
    `it has ${text.length} characters, the limit is ${DESCRIPTION_CHARS_MAX}`,
  );
}

function needText(body: Body, field: string): string {
  const text = optionalText(body, field);
  if (text === undefined) throw invalidField(field, "it is required");
  return text;
}

/** Undefined for an empty text, as in protobuf JSON. */
function optionalText(body: Body, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw invalidField(field, "it is not a string");
  return value;
}
