# interface.py
# In front of agent.py and tray.py: how an interface of D-Bus is described.


def interface(name, methods, signals={}, properties={}):
    """An interface in XML. A method has the types that it takes and that it returns, a signal its own, a property one."""

    def arguments(types, way=""):
        return "".join(f'<arg type="{kind}"{way}/>' for kind in types.split())

    body = ""
    for method, (taken, returned) in methods.items():
        known = arguments(taken, ' direction="in"') + arguments(returned, ' direction="out"')
        body += f'<method name="{method}">{known}</method>'
    for signal, types in signals.items():
        body += f'<signal name="{signal}">{arguments(types)}</signal>'
    for known, kind in properties.items():
        body += f'<property name="{known}" type="{kind}" access="read"/>'
    return f'<interface name="{name}">{body}</interface>'


