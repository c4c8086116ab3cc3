import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListTaskDefinitionFamiliesCommand,
  type TaskDefinition,
} from "@aws-sdk/client-ecs";
import {
  DescribeClusterCommand,
  DescribePodIdentityAssociationCommand,
  EKSClient,
  ListClustersCommand,
  ListPodIdentityAssociationsCommand,
} from "@aws-sdk/client-eks";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { identifier } from "../core/identifier.ts";
import { nameOfArn } from "../core/identity/arn.ts";
import type { Entity, Holds, Runs } from "../core/identity/facts.ts";
import { givenTo, taskNames } from "../core/identity/tasks.ts";
import { serviceAccountsOf } from "../core/identity/trust.ts";
import type { Aws } from "../core/types.ts";

type Page<T> = { readonly items: readonly T[]; readonly next: string | undefined };

const pages = async <T>(page: (next: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> => {
  const all: T[] = [];
  let next: string | undefined;
  do {
    const { items, next: after } = await page(next);
    all.push(...items);
    next = after;
  } while (next);
  return all;
};

/** Name and role of every function. The answer holds environments too: nothing of them is kept. */
export const readFunctions = (aws: Aws): Promise<readonly Runs[]> =>
  pages(async (Marker) => {
    const { Functions = [], NextMarker } = await aws(LambdaClient).send(new ListFunctionsCommand({ Marker }));
    const items = Functions.flatMap(({ FunctionArn, Role = "" }) => {
      const principal = nameOfArn(Role);
      return principal ? identifier("function", FunctionArn).map((name) => ({ name, principal })) : [];
    });
    return { items, next: NextMarker };
  });

const ofDefinition = (definition: TaskDefinition | undefined): readonly (Runs | Holds)[] => {
  const names = taskNames(definition?.taskDefinitionArn);
  const principal = nameOfArn(definition?.taskRoleArn ?? "");
  const values = (definition?.containerDefinitions ?? []).flatMap(({ secrets = [] }) =>
    secrets.flatMap(({ valueFrom }) => givenTo(valueFrom)),
  );
  return names.flatMap((name) => [
    ...(principal ? [{ name, principal }] : []),
    ...values.map((secret) => ({ name, secret })),
  ]);
};

/** The newest active revision of every family: the role that its tasks act as, the secrets that they are given. */
export const readTasks = async (aws: Aws): Promise<readonly (Runs | Holds)[]> => {
  const families = await pages(async (nextToken) => {
    const asked = new ListTaskDefinitionFamiliesCommand({ status: "ACTIVE", nextToken });
    const { families: items = [], nextToken: next } = await aws(ECSClient).send(asked);
    return { items, next };
  });
  const found: (Runs | Holds)[] = [];
  for (const taskDefinition of families) {
    const out = await aws(ECSClient).send(new DescribeTaskDefinitionCommand({ taskDefinition }));
    found.push(...ofDefinition(out.taskDefinition));
  }
  return found;
};

const issuerOf = async (aws: Aws, name: string): Promise<readonly (readonly [issuer: string, cluster: string])[]> => {
  const { cluster } = await aws(EKSClient).send(new DescribeClusterCommand({ name }));
  const issuer = cluster?.identity?.oidc?.issuer?.replace(/^https:\/\//, "");
  return issuer ? [[issuer, name]] : [];
};

const associationsOf = async (aws: Aws, clusterName: string): Promise<readonly Runs[]> => {
  const ids = await pages(async (nextToken) => {
    const out = await aws(EKSClient).send(new ListPodIdentityAssociationsCommand({ clusterName, nextToken }));
    return {
      items: (out.associations ?? []).flatMap(({ associationId }) => associationId ?? []),
      next: out.nextToken,
    };
  });
  const found: Runs[] = [];
  for (const associationId of ids) {
    const asked = new DescribePodIdentityAssociationCommand({ clusterName, associationId });
    const { association } = await aws(EKSClient).send(asked);
    // A target role is assumed from the first: what the pod acts as is the last of the two.
    const roles = [association?.roleArn, association?.targetRoleArn].flatMap((arn) => nameOfArn(arn ?? "") ?? []);
    const names = identifier("k8s-sa", clusterName, association?.namespace, association?.serviceAccount);
    found.push(...names.flatMap((name) => roles.map((principal) => ({ name, principal }))));
  }
  return found;
};

/** The service accounts of every cluster that act as a role: by Pod Identity, or by their tokens as the roles trust them. */
export const readServiceAccounts = async (aws: Aws, roles: readonly Entity[]): Promise<readonly Runs[]> => {
  const clusters = await pages(async (nextToken) => {
    const { clusters: items = [], nextToken: next } = await aws(EKSClient).send(new ListClustersCommand({ nextToken }));
    return { items, next };
  });
  const issuers: (readonly [string, string])[] = [];
  const associated: Runs[] = [];
  for (const cluster of clusters) {
    issuers.push(...(await issuerOf(aws, cluster)));
    associated.push(...(await associationsOf(aws, cluster)));
  }
  const known = new Map(issuers);
  return [...associated, ...roles.flatMap((role) => serviceAccountsOf(role, known))];
};
