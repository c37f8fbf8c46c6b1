# interface.py
# Comes before agent.py and tray/panel.py: describes interfaces of D-Bus.


def interface(name, methods, signals={}, properties={}):
    """An interface in XML. Methods have types of arguments and of results, signals of arguments, properties one type."""

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


