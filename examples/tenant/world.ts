/** The data of the example tenant: all of it is invented, and each start makes the same. */
import type {
  App,
  AppUser,
  Connector,
  Entitlement,
  Grant,
  Resource,
  ResourceType,
  Task,
  TaskTarget,
  User,
  World,
} from "./forms.ts";

/** Users that are people; two services follow. */
const PEOPLE = 34;
const SERVICES = 2;
const TASKS = 14;
const CLOSED_TASKS = 8;
const ID_CHARS = 27;
const START_MS = Date.UTC(2026, 0, 5, 9);
const HOUR_MS = 60 * 60 * 1000;

const DEPARTMENTS = ["Engineering", "Finance", "Support", "Sales"] as const;
const JOB_TITLES = ["Engineer", "Accountant", "Support agent", "Account manager"] as const;

/** An app, and who has accounts: all, or one department. */
interface AppSpec {
  readonly name: string;
  readonly description: string;
  readonly members: "all" | typeof DEPARTMENTS[number];
  /** Resources by the name of their type, each with entitlements of these names. */
  readonly resources: Readonly<
    Record<string, { readonly names: readonly string[]; readonly entitlements: readonly string[] }>
  >;
  readonly connectors: readonly string[];
  readonly monthlyCostUsd: number;
}

const APPS: readonly AppSpec[] = [
  {
    name: "Example Directory",
    description: "The directory of all people",
    members: "all",
    resources: {
      Group: { names: ["Everyone", "Administrators", "Contractors"], entitlements: ["Member"] },
    },
    connectors: ["Directory sync"],
    monthlyCostUsd: 2,
  },
  {
    name: "Example Chat",
    description: "Messages between people",
    members: "all",
    resources: {
      Workspace: { names: ["Main workspace"], entitlements: ["Member", "Administrator"] },
    },
    connectors: ["Chat sync"],
    monthlyCostUsd: 8,
  },
  {
    name: "Example Code",
    description: "Repositories of source code",
    members: "Engineering",
    resources: {
      Repository: {
        names: Array.from({ length: 10 }, (_, at) => `repository-${at + 1}`),
        entitlements: ["Read", "Write", "Administrate"],
      },
    },
    connectors: ["Code sync", "Code sync of the archive"],
    monthlyCostUsd: 21,
  },
  {
    name: "Example Payroll",
    description: "Salaries and expenses",
    members: "Finance",
    resources: { Role: { names: ["Viewer", "Approver"], entitlements: ["Assigned"] } },
    connectors: ["Payroll sync"],
    monthlyCostUsd: 35,
  },
  {
    name: "Example Storage",
    description: "Files; its accounts are entered by hand",
    members: "Support",
    resources: { Bucket: { names: ["backups", "exports"], entitlements: ["Read", "Write"] } },
    connectors: [],
    monthlyCostUsd: 0,
  },
];

/** An id in C1's form, the same at each start: 27 letters and digits. */
export function exampleId(kind: string, number: number): string {
  const prefix = `2example${kind}`;
  return prefix + String(number).padStart(ID_CHARS - prefix.length, "0");
}

/** A new copy of the data. */
export function newWorld(): World {
  const users = makeUsers();
  const apps = APPS.map(makeApp);
  const appUsers = apps.flatMap((app, at) => makeAppUsers(app, APPS[at], users, at));
  const resourceTypes: ResourceType[] = [];
  const resources: Resource[] = [];
  const entitlements: Entitlement[] = [];
  apps.forEach((app, at) => {
    for (
      const [type, { names, entitlements: granted }] of Object.entries(APPS[at]?.resources ?? {})
    ) {
      const resourceType = makeResourceType(app, type, resourceTypes.length + 1);
      resourceTypes.push(resourceType);
      for (const name of names) {
        const resource = makeResource(resourceType, name, resources.length + 1);
        resources.push(resource);
        for (const entitlement of granted) {
          entitlements.push(makeEntitlement(app, resource, entitlement, entitlements.length + 1));
        }
      }
    }
  });
  const connectors = APPS.flatMap((spec, at) =>
    spec.connectors.map((name) => ({ name, app: apps[at] }))
  )
    .map(({ name, app }, at) => makeConnector(app, name, at + 1));
  const grants = makeGrants(entitlements, appUsers);
  const world = { users, apps, appUsers, resourceTypes, resources, entitlements, connectors };
  return { ...world, grants, tasks: makeTasks(entitlements, appUsers, grants) };
}

/** RFC 3339, some hours after the first time of the tenant. */
function timeAt(hours: number): string {
  return new Date(START_MS + hours * HOUR_MS).toISOString();
}

function times(hours: number): { readonly createdAt: string; readonly updatedAt: string } {
  return { createdAt: timeAt(hours), updatedAt: timeAt(hours + 1) };
}

function makeUsers(): readonly User[] {
  return Array.from({ length: PEOPLE + SERVICES }, (_, at) => {
    const number = at + 1;
    const isPerson = number <= PEOPLE;
    const word = isPerson ? `user-${number}` : `service-${number - PEOPLE}`;
    const name = isPerson ? `User ${number}` : `Service ${number - PEOPLE}`;
    const email = `${word}@example.com`;
    const department = isPerson ? DEPARTMENTS[at % DEPARTMENTS.length] ?? "" : "";
    // The first person of each department manages the others, and the first of all the managers.
    const manager = number <= DEPARTMENTS.length ? 1 : at % DEPARTMENTS.length + 1;
    return {
      id: exampleId("User", number),
      displayName: name,
      email,
      emails: [email],
      username: word,
      usernames: [word],
      department,
      jobTitle: isPerson ? JOB_TITLES[at % JOB_TITLES.length] ?? "" : "",
      employmentStatus: isPerson ? "active" : "",
      employmentType: isPerson ? "full time" : "",
      managerIds: isPerson && number > 1 ? [exampleId("User", manager)] : [],
      roleIds: [exampleId("Role", number === 1 ? 1 : 2)],
      status: number === PEOPLE ? "DELETED" : number === PEOPLE - 1 ? "DISABLED" : "ENABLED",
      type: isPerson ? "USER_TYPE_HUMAN" : "USER_TYPE_SERVICE",
      origin: isPerson ? "USER_ORIGIN_DIRECTORY" : "USER_ORIGIN_LOCAL",
      profile: isPerson ? { office: number % 2 === 1 ? "north" : "south" } : {},
      ...times(at),
    };
  });
}

function makeApp({ name, description, connectors, monthlyCostUsd }: AppSpec, at: number): App {
  return {
    id: exampleId("App", at + 1),
    displayName: name,
    description,
    isDirectory: at === 0,
    isManuallyManaged: connectors.length === 0,
    monthlyCostUsd,
    grantPolicyId: exampleId("Policy", 1),
    revokePolicyId: exampleId("Policy", 2),
    ...times(at),
  };
}

/** The accounts of everybody who works there, and one of a service. */
function makeAppUsers(
  app: App,
  spec: AppSpec | undefined,
  users: readonly User[],
  appNumber: number,
): readonly AppUser[] {
  const members = users.filter(({ department, type, status }) =>
    type === "USER_TYPE_HUMAN" && status !== "DELETED" &&
    (spec?.members === "all" || spec?.members === department)
  );
  const base = (appNumber + 1) * 1000;
  const accounts = members.map((user, at): AppUser => ({
    id: exampleId("AppUser", base + at + 1),
    appId: app.id,
    displayName: user.displayName,
    email: user.email,
    emails: user.emails,
    username: user.username,
    usernames: user.usernames,
    identityUserId: user.id,
    appUserType: "APP_USER_TYPE_USER",
    status: {
      status: user.status === "ENABLED" ? "STATUS_ENABLED" : "STATUS_DISABLED",
      details: "",
    },
    ...times(at),
  }));
  const word = `robot-${appNumber + 1}`;
  return [...accounts, {
    id: exampleId("AppUser", base),
    appId: app.id,
    displayName: `Robot ${appNumber + 1}`,
    email: "",
    emails: [],
    username: word,
    usernames: [word],
    identityUserId: "",
    appUserType: "APP_USER_TYPE_SERVICE_ACCOUNT",
    status: { status: "STATUS_ENABLED", details: "" },
    ...times(0),
  }];
}

function makeResourceType(app: App, displayName: string, number: number): ResourceType {
  const traitIds = [exampleId("Trait", number)];
  return {
    id: exampleId("ResourceType", number),
    appId: app.id,
    displayName,
    traitIds,
    ...times(number),
  };
}

function makeResource(type: ResourceType, displayName: string, number: number): Resource {
  return {
    id: exampleId("Resource", number),
    appId: type.appId,
    appResourceTypeId: type.id,
    displayName,
    description: `${type.displayName} ${displayName}`,
    ...times(number),
  };
}

function makeEntitlement(
  app: App,
  resource: Resource,
  name: string,
  number: number,
): Entitlement {
  return {
    id: exampleId("Entitlement", number),
    appId: app.id,
    appResourceId: resource.id,
    appResourceTypeId: resource.appResourceTypeId,
    displayName: `${resource.displayName}: ${name}`,
    description: `${name} in ${resource.displayName} of ${app.displayName}`,
    alias: `${app.displayName} ${resource.displayName} ${name}`.toLowerCase().replaceAll(" ", "-"),
    slug: name.toLowerCase(),
    purpose: name === "Member" || name === "Assigned"
      ? "APP_ENTITLEMENT_PURPOSE_VALUE_ASSIGNMENT"
      : "APP_ENTITLEMENT_PURPOSE_VALUE_PERMISSION",
    grantPolicyId: app.grantPolicyId,
    revokePolicyId: app.revokePolicyId,
    isManuallyManaged: app.isManuallyManaged,
    ...times(number),
  };
}

function makeConnector(app: App | undefined, displayName: string, number: number): Connector {
  const works = !displayName.includes("archive");
  return {
    id: exampleId("Connector", number),
    appId: app?.id ?? "",
    catalogId: exampleId("Catalog", number),
    displayName,
    description: `Reads ${app?.displayName}`,
    userIds: [exampleId("User", 1)],
    status: {
      status: works ? "SYNC_STATUS_DONE" : "SYNC_STATUS_ERROR",
      lastError: works ? "" : "the archive did not answer",
      startedAt: timeAt(100),
      completedAt: timeAt(101),
      updatedAt: timeAt(101),
    },
    ...times(number),
  };
}

/** The first entitlement of each app is everybody's; of the others every third account has one. */
function makeGrants(
  entitlements: readonly Entitlement[],
  appUsers: readonly AppUser[],
): readonly Grant[] {
  return entitlements.flatMap((entitlement, number) => {
    const isFirst = entitlements.find(({ appId }) => appId === entitlement.appId) === entitlement;
    return appUsers.filter(({ appId }) => appId === entitlement.appId)
      .filter((_, at) => isFirst || (at + number) % 3 === 0)
      .map(({ id }) => ({
        appId: entitlement.appId,
        appEntitlementId: entitlement.id,
        appUserId: id,
        createdAt: timeAt(48),
        taskId: "",
      }));
  });
}

/** Past and open tasks, of both types, the newest first. The grants are those after the past tasks. */
function makeTasks(
  entitlements: readonly Entitlement[],
  appUsers: readonly AppUser[],
  grants: readonly Grant[],
): readonly Task[] {
  return Array.from({ length: TASKS }, (_, at) => {
    const number = TASKS - at;
    const entitlement = entitlements[number * 2];
    const isGrant = number % 3 !== 0;
    const isOpen = number > CLOSED_TASKS;
    const isDenied = number % 4 === 0;
    const outcome = isDenied ? "DENIED" : isGrant ? "GRANTED" : "REVOKED";
    const isGranted = isGrant === (!isOpen && !isDenied);
    const account = appUsers.filter(({ id, appId, identityUserId }) =>
      appId === entitlement?.appId && identityUserId !== "" &&
      isGranted === grants.some(({ appEntitlementId, appUserId }) =>
          appEntitlementId === entitlement.id && appUserId === id
        )
    )[0];
    const prefix = isGrant ? "GRANT" : "REVOKE";
    const target: TaskTarget = {
      appId: entitlement?.appId ?? "",
      appEntitlementId: entitlement?.id ?? "",
      appUserId: account?.id ?? "",
      identityUserId: account?.identityUserId ?? "",
      outcome: `${prefix}_OUTCOME_${isOpen ? "UNSPECIFIED" : outcome}`,
      ...isOpen ? {} : { outcomeTime: timeAt(200 + number) },
    };
    return {
      id: exampleId("Task", number),
      numericId: String(number),
      displayName: `${isGrant ? "Grant" : "Revoke"} ${entitlement?.displayName}`,
      description: "Invented for this example",
      type: isGrant ? { grant: target } : { revoke: target },
      state: isOpen ? "TASK_STATE_OPEN" : "TASK_STATE_CLOSED",
      processing: isOpen ? "TASK_PROCESSING_TYPE_WAITING" : "TASK_PROCESSING_TYPE_DONE",
      origin: "TASK_ORIGIN_WEBAPP",
      emergencyAccess: false,
      userId: target.identityUserId,
      createdByUserId: target.identityUserId,
      stepApproverIds: isOpen ? [exampleId("User", 1)] : [],
      approverIds: isOpen ? [] : [exampleId("User", 1)],
      actions: isOpen ? OPEN_TASK_ACTIONS : [],
      commentCount: 0,
      ...times(150 + number),
    };
  });
}

/** What the example does with an open task. */
export const OPEN_TASK_ACTIONS = ["TASK_ACTION_TYPE_APPROVE", "TASK_ACTION_TYPE_DENY"] as const;
