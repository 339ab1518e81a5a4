import sys
from benchmarks.embedded.cases import *
from muxi.models.embedded.arguments import fill
from muxi.models.embedded.static import StaticEmbedder
from muxi.models.embedded.word_likeness import WordLikeness
L=WordLikeness(StaticEmbedder())
def run(name,specs):
    specs={s.name:s for s in specs}; ok=n=0
    for c in cases(name):
        if not c.tool: continue
        n+=1; f=fill(c.request,specs[c.tool],L); g=right_arguments(c,specs[c.tool],f.arguments) and not f.missing; ok+=g
        if not g and '-q' not in sys.argv: print('  ',c.request,'=>',f.arguments,f.missing,'want',c.arguments)
    print(name,ok,n,round(ok/n,3))
for n in ('development.jsonl','fitting_arguments.jsonl'): run(n,builtin_specs())
run('custom_requests.jsonl',custom_specs())
import sys; sys.argv.append('-q'); run('held_out.jsonl',builtin_specs())
