/** The whole page: what all screens share, and which address shows which screen. */

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { Route, Switch } from 'wouter'

import { ApprovalsList } from '@/features/approvals/components/approvals-list'
import { AuditPage } from '@/features/audit/components/audit-page'
import { Credentials } from '@/features/people/components/credentials'
import { GroupsPage } from '@/features/people/components/groups-page'
import { PeoplePage } from '@/features/people/components/people-page'
import { UserPage } from '@/features/people/components/user-page'
import { RulesPage } from '@/features/rules/components/rules-page'
import { FinishLogin } from '@/features/servers/components/finish-login'
import { ServerDetails } from '@/features/servers/components/server-details'
import { ServersList } from '@/features/servers/components/servers-list'
import { ToolDetails } from '@/features/tools/components/tool-details'
import { ToolsList } from '@/features/tools/components/tools-list'
import { UsagePage } from '@/features/usage/components/usage-page'
import { addressPart } from '@/shared/address-part'
import { ApiProblem } from '@/shared/api/http'

import { ChatScreen } from './chat-screen'
import { ErrorBoundary } from './error-boundary'
import { NotFound } from './not-found'
import { PageScreen, Shell } from './shell'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refused it will refuse again; a server that is away may come back.
      retry: (failures, error) =>
        failures < 3 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
    },
  },
})

export function App() {
  return (
    <ErrorBoundary>
      <QueryClientProvider client={queries}>
        <Shell>
          <Switch>
            <Route path="/">
              <ChatScreen threadId={null} />
            </Route>
            <Route path="/t/:id">{({ id }) => <ChatScreen key={id} threadId={id} />}</Route>
            <Route path="/approvals">
              <PageScreen>
                <ApprovalsList />
              </PageScreen>
            </Route>
            <Route path="/tools/:name?">
              {({ name }) => (
                <PageScreen>
                  {name === undefined ? <ToolsList /> : <ToolDetails name={name} />}
                </PageScreen>
              )}
            </Route>
            <Route path="/people">
              <PageScreen>
                <PeoplePage />
              </PageScreen>
            </Route>
            <Route path="/people/:id">
              {() => (
                <PageScreen>
                  <UserPage key={addressPart(1)} id={addressPart(1)} />
                </PageScreen>
              )}
            </Route>
            <Route path="/groups">
              <PageScreen>
                <GroupsPage />
              </PageScreen>
            </Route>
            <Route path="/credentials">
              <PageScreen>
                <Credentials />
              </PageScreen>
            </Route>
            <Route path="/credentials/:name/login">
              {({ name }) => (
                <PageScreen>
                  <FinishLogin name={name} own />
                </PageScreen>
              )}
            </Route>
            <Route path="/roles">
              <PageScreen>
                <RulesPage />
              </PageScreen>
            </Route>
            <Route path="/audit">
              <PageScreen>
                <AuditPage />
              </PageScreen>
            </Route>
            <Route path="/servers/:name?">
              {({ name }) => (
                <PageScreen>
                  {name === undefined ? <ServersList /> : <ServerDetails name={name} />}
                </PageScreen>
              )}
            </Route>
            <Route path="/servers/:name/login">
              {({ name }) => (
                <PageScreen>
                  <FinishLogin name={name} />
                </PageScreen>
              )}
            </Route>
            <Route path="/usage">
              <PageScreen>
                <UsagePage />
              </PageScreen>
            </Route>
            <Route>
              <PageScreen>
                <NotFound />
              </PageScreen>
            </Route>
          </Switch>
        </Shell>
      </QueryClientProvider>
    </ErrorBoundary>
  )
}
