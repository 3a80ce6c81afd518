/** The searches of the example tenant: the filters of each. */
import { invalidField } from "./errors.ts";
import {
  anyOf,
  type Body,
  type Filter,
  type Filters,
  isTrue,
  noneOf,
  objectsIn,
  refersTo,
  textIn,
  textIs,
  timeIs,
} from "./filters.ts";
import type {
  App,
  AppUser,
  Entitlement,
  Resource,
  ResourceType,
  Task,
  TaskTarget,
  User,
  World,
} from "./forms.ts";

const USER_STATUSES = ["ENABLED", "DISABLED", "DELETED"];
const USER_TYPES = ["USER_TYPE_SYSTEM", "USER_TYPE_HUMAN", "USER_TYPE_SERVICE", "USER_TYPE_AGENT"];
const ORIGINS = ["USER_ORIGIN_DIRECTORY", "USER_ORIGIN_LOCAL", "USER_ORIGIN_SYSTEM"];
const TASK_STATES = ["TASK_STATE_OPEN", "TASK_STATE_CLOSED"];
const TASK_TYPES = ["grant", "revoke", "certify", "offboarding", "action", "finding"];

export const USER_FILTERS: Filters<User> = {
  query: textIn(({ displayName, emails }) => [displayName, ...emails]),
  email: textIs(({ email }) => email),
  ids: anyOf(({ id }) => [id]),
  refs: refersTo({ id: ({ id }) => id }),
  excludeIds: noneOf(({ id }) => [id]),
  departments: anyOf(({ department }) => [department]),
  jobTitles: anyOf(({ jobTitle }) => [jobTitle]),
  managerIds: anyOf(({ managerIds }) => managerIds),
  roleIds: anyOf(({ roleIds }) => roleIds),
  userStatuses: anyOf(({ status }) => [status], USER_STATUSES),
  origins: anyOf(({ origin }) => [origin], ORIGINS),
  excludeOrigins: noneOf(({ origin }) => [origin], ORIGINS),
  excludeTypes: noneOf(({ type }) => [type], USER_TYPES),
};

export const APP_FILTERS: Filters<App> = {
  query: textIn(({ displayName, description }) => [displayName, description]),
  displayName: textIs(({ displayName }) => displayName),
  appIds: anyOf(({ id }) => [id]),
  excludeAppIds: noneOf(({ id }) => [id]),
  onlyDirectories: isTrue(({ isDirectory }) => isDirectory),
};

/** The filters by account read the grants of the world. */
export function entitlementFilters(world: World): Filters<Entitlement> {
  const accountsOf = ({ id }: Entitlement) =>
    world.grants.filter(({ appEntitlementId }) => appEntitlementId === id)
      .map(({ appUserId }) => appUserId);
  return {
    query: textIn(({ displayName, description }) => [displayName, description]),
    displayName: textIs(({ displayName }) => displayName),
    alias: textIs(({ alias }) => alias),
    appIds: anyOf(({ appId }) => [appId]),
    excludeAppIds: noneOf(({ appId }) => [appId]),
    appUserIds: anyOf(accountsOf),
    excludeAppUserIds: noneOf(accountsOf),
    resourceIds: anyOf(({ appResourceId }) => [appResourceId]),
    resourceTypeIds: anyOf(({ appResourceTypeId }) => [appResourceTypeId]),
    excludeResourceTypeIds: noneOf(({ appResourceTypeId }) => [appResourceTypeId]),
    refs: refersTo({ appId: ({ appId }) => appId, id: ({ id }) => id }),
  };
}

export const APP_USER_FILTERS: Filters<AppUser> = {
  query: textIn(({ displayName, emails, usernames }) => [displayName, ...emails, ...usernames]),
  appId: textIs(({ appId }) => appId),
  appIds: anyOf(({ appId }) => [appId]),
  appUserIds: anyOf(({ id }) => [id]),
  excludeAppUserIds: noneOf(({ id }) => [id]),
  userIds: anyOf(({ identityUserId }) => [identityUserId]),
  appUserStatuses: anyOf(({ status }) => [status.status]),
  appUserTypes: anyOf(({ appUserType }) => [appUserType]),
  refs: refersTo({ appId: ({ appId }) => appId, id: ({ id }) => id }),
};

export const RESOURCE_FILTERS: Filters<Resource> = {
  query: textIn(({ displayName }) => [displayName]),
  appId: textIs(({ appId }) => appId),
  appIds: anyOf(({ appId }) => [appId]),
  resourceIds: anyOf(({ id }) => [id]),
  excludeResourceIds: noneOf(({ id }) => [id]),
  resourceTypeIds: anyOf(({ appResourceTypeId }) => [appResourceTypeId]),
};

export const RESOURCE_TYPE_FILTERS: Filters<ResourceType> = {
  query: textIn(({ displayName }) => [displayName]),
  displayName: textIs(({ displayName }) => displayName),
  appIds: anyOf(({ appId }) => [appId]),
  resourceTypeIds: anyOf(({ id }) => [id]),
  excludeResourceTypeIds: noneOf(({ id }) => [id]),
};

export const TASK_FILTERS: Filters<Task> = {
  query: textIn(({ id, displayName, description }) => [id, displayName, description]),
  taskStates: anyOf(({ state }) => [state], TASK_STATES),
  taskTypes: taskTypes(),
  applicationIds: anyOf((task) => [targetOf(task).appId]),
  excludeApplicationIds: noneOf((task) => [targetOf(task).appId]),
  appEntitlementIds: anyOf((task) => [targetOf(task).appEntitlementId]),
  excludeAppEntitlementIds: noneOf((task) => [targetOf(task).appEntitlementId]),
  appUserSubjectIds: anyOf((task) => [targetOf(task).appUserId]),
  subjectIds: anyOf(({ userId }) => [userId]),
  openerIds: anyOf(({ createdByUserId }) => [createdByUserId]),
  assigneesInIds: anyOf(({ stepApproverIds }) => stepApproverIds),
  grantOutcomes: anyOf(({ type }) => [type.grant?.outcome ?? ""]),
  revokeOutcomes: anyOf(({ type }) => [type.revoke?.outcome ?? ""]),
  excludeIds: noneOf(({ id }) => [id]),
  refs: refersTo({ id: ({ id }) => id }),
  createdAfter: timeIs("after", ({ createdAt }) => createdAt),
  createdBefore: timeIs("before", ({ createdAt }) => createdAt),
};

/** What a task is about. */
export function targetOf({ type }: Task): TaskTarget {
  const target = type.grant ?? type.revoke;
  if (target === undefined) throw new TypeError("A task has neither grant nor revoke");
  return target;
}

/** C1 takes objects such as `{grant: {}}`; the strings of its page of functions are not accepted. */
function taskTypes(): Filter<Task> {
  return {
    read(field, value) {
      const types = objectsIn(field, value).flatMap((type: Body) => Object.keys(type));
      const unknown = types.find((type) => !TASK_TYPES.includes(type));
      if (unknown !== undefined) {
        const known = TASK_TYPES.map((type) => `{${type}: {}}`).join(", ");
        throw invalidField(field, `${JSON.stringify(unknown)} is not one of ${known}`);
      }
      return ({ type }) => types.some((wanted) => Object.hasOwn(type, wanted));
    },
  };
}
