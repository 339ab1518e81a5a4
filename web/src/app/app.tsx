/** The whole page: what all screens share, and which address shows which screen. */

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { Route, Switch } from 'wouter'

import { ApiProblem } from '@/shared/api/http'

import { ApprovalsScreen } from './approvals-screen'
import { ChatScreen } from './chat-screen'
import { CredentialsScreen, OwnLoginScreen } from './credentials-screen'
import { ErrorBoundary } from './error-boundary'
import { NotFound } from './not-found'
import { LoginScreen, ServersScreen } from './servers-screen'
import { PeopleScreen } from './people-screen'
import { Shell } from './shell'
import { ToolsScreen } from './tools-screen'
import { UsageScreen } from './usage-screen'

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
              <ApprovalsScreen />
            </Route>
            <Route path="/tools">
              <ToolsScreen name={null} />
            </Route>
            <Route path="/tools/:name">{({ name }) => <ToolsScreen name={name} />}</Route>
            <Route path="/people">
              <PeopleScreen />
            </Route>
            <Route path="/credentials">
              <CredentialsScreen />
            </Route>
            <Route path="/credentials/:name/login">
              {({ name }) => <OwnLoginScreen name={name} />}
            </Route>
            <Route path="/servers">
              <ServersScreen name={null} />
            </Route>
            <Route path="/servers/:name">{({ name }) => <ServersScreen name={name} />}</Route>
            <Route path="/servers/:name/login">{({ name }) => <LoginScreen name={name} />}</Route>
            <Route path="/usage">
              <UsageScreen />
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Shell>
      </QueryClientProvider>
    </ErrorBoundary>
  )
}
