"""What leaves the hospital, and the gate that it leaves through.

draft (hidden) → gate over all written bytes → manifest → moved into place. Only the gate makes a ``Release``,
and only a ``Release`` can be published.
"""
